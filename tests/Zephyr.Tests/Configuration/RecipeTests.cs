using Zephyr.Configuration;

namespace Zephyr.Tests.Configuration;

/// <summary>The shipped recipes: they state every key, and the values are the published ones.</summary>
public class RecipeTests
{
    // Lines of "key value" that the handbook v0.3 and the paper share.
    private const string Common = """
        weight_decay 0
        adam_beta1 0.9
        adam_beta2 0.999
        adam_epsilon 1e-08
        max_grad_norm 1
        warmup_ratio 0.1
        warmup_steps 0
        optim adamw_torch
        gradient_checkpointing true
        bf16 true
        seed 42
        max_steps -1
        save_strategy steps
        save_steps 100
        save_total_limit 1
        auto_insert_empty_system_msg true

        """;

    private const string Sft = Common + """
        learning_rate 2e-05
        lr_scheduler_type cosine
        num_train_epochs 1
        max_seq_length 2048
        packing true
        packing_strategy wrapped
        assistant_only_loss false
        torch_dtype bfloat16
        logging_steps 5
        eval_strategy epoch

        """;

    private const string Dpo = Common + """
        learning_rate 5e-07
        loss_type [sigmoid]
        label_smoothing 0
        max_length 1024
        max_prompt_length 512
        logging_steps 10
        eval_strategy steps
        eval_steps 100
        per_device_eval_batch_size 8
        reference frozen

        """;

    [Theory]
    [InlineData("zephyr-7b-beta")]
    [InlineData("zephyr-7b-beta-paper")]
    [InlineData("zephyr-7b-lora")]
    [InlineData("zephyr-7b-qlora")]
    [InlineData("tiny")]
    public void A_recipe_states_every_key_of_its_stage(string recipe)
    {
        Assert.All(Read<SftConfig>(recipe, "sft").Keys, key => Assert.StartsWith("file ", key.Origin));
        Assert.All(Read<AifConfig>(recipe, "aif").Keys, key => Assert.StartsWith("file ", key.Origin));
        Assert.All(Read<DpoConfig>(recipe, "dpo").Keys, key => Assert.StartsWith("file ", key.Origin));
    }

    [Fact]
    public void Every_recipe_is_one_of_those_tested() => Assert.Equal(
        ["tiny", "zephyr-7b-beta", "zephyr-7b-beta-paper", "zephyr-7b-lora", "zephyr-7b-qlora"],
        Directory.GetDirectories(Path.Combine(SharedFolder.RepositoryRoot, "configs")).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("zephyr-7b-beta", "per_device_eval_batch_size 8")]
    [InlineData("zephyr-7b-beta-paper", "")]
    public void SFT_has_the_published_values(string recipe, string own) => AssertValues(Read<SftConfig>(recipe, "sft"), Sft + own);

    [Theory]
    [InlineData("zephyr-7b-beta", "beta 0.01\nlr_scheduler_type cosine\nnum_train_epochs 1")]
    [InlineData("zephyr-7b-beta-paper", "beta 0.1\nlr_scheduler_type linear\nnum_train_epochs 3")]
    public void DPO_has_the_published_values(string recipe, string own) => AssertValues(Read<DpoConfig>(recipe, "dpo"), Dpo + own);

    [Fact]
    public void The_adapters_are_those_of_the_handbooks_config_lora()
    {
        const string adapter = "use_peft true\nlora_r 64\nlora_alpha 16\nlora_dropout 0.1\nlora_target_modules [q_proj, k_proj, v_proj, o_proj]\nuse_rslora false\n";
        AssertValues(Read<SftConfig>("zephyr-7b-lora", "sft"), adapter + "learning_rate 2e-05\nlr_scheduler_type cosine\nwarmup_ratio 0\nnum_train_epochs 1\noptim adamw_torch");
        AssertValues(Read<DpoConfig>("zephyr-7b-lora", "dpo"),
            adapter + "learning_rate 5e-07\nlr_scheduler_type linear\nwarmup_ratio 0.1\nnum_train_epochs 3\noptim rmsprop\nbeta 0.1\nreference adapter\ndisable_dropout true");
    }

    [Fact]
    public void QLoRA_has_the_handbooks_values_with_double_quantization()
    {
        const string adapter = "use_peft true\nload_in_4bit true\nuse_bnb_nested_quant true\nlora_dropout 0.05\nlora_target_modules [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj]\n"
            + "bf16 true\nlr_scheduler_type cosine\nwarmup_ratio 0.1\nnum_train_epochs 1\nper_device_train_batch_size 4\nper_device_eval_batch_size 8\nseed 42\nsave_steps 100\n";
        AssertValues(Read<SftConfig>("zephyr-7b-qlora", "sft"), adapter + "lora_r 16\nlora_alpha 16\nlearning_rate 0.0002\nmax_seq_length 2048\npacking true\neval_strategy epoch\noptim adamw_torch");
        AssertValues(Read<DpoConfig>("zephyr-7b-qlora", "dpo"), adapter + "lora_r 128\nlora_alpha 128\nlearning_rate 5e-06\nbeta 0.01\nmax_length 1024\nmax_prompt_length 512\n"
            + "eval_strategy steps\neval_steps 100\noptim paged_adamw_32bit\nreference adapter");
    }

    [Theory]
    [InlineData("zephyr-7b-beta", "score overall_score\ntest_fraction 0.03168")]
    [InlineData("zephyr-7b-qlora", "score overall_score\ntest_fraction 0.03168")]
    [InlineData("zephyr-7b-beta-paper", "score mean_rating\ntest_fraction 0.03127")]
    public void AIF_has_the_published_values(string recipe, string own) =>
        AssertValues(Read<AifConfig>(recipe, "aif"), "rejected random_other\nties keep\nmin_margin 0\nseed 42\n" + own);

    [Theory]
    [InlineData("zephyr-7b-beta", 63_135)]
    [InlineData("zephyr-7b-beta-paper", 63_966)]
    public void The_test_split_has_the_published_2000_pairs(string recipe, int pairs) =>
        Assert.Equal(2000.0, Math.Round(Read<AifConfig>(recipe, "aif").Value.Aif.TestFraction * pairs), tolerance: 1);

    [Theory]
    [InlineData("zephyr-7b-beta", 128, 128)]
    [InlineData("zephyr-7b-beta-paper", 512, 32)]
    [InlineData("zephyr-7b-lora", 512, 64)]
    [InlineData("zephyr-7b-qlora", 8, 16)]
    public void The_global_batch_is_the_published_one_on_one_GPU(string recipe, int sequences, int pairs)
    {
        var (sft, dpo) = (Read<SftConfig>(recipe, "sft").Value.Training, Read<DpoConfig>(recipe, "dpo").Value.Training);
        Assert.Equal(sequences, sft.PerDeviceTrainBatchSize * sft.GradientAccumulationSteps);
        Assert.Equal(pairs, dpo.PerDeviceTrainBatchSize * dpo.GradientAccumulationSteps);
    }

    [Theory]
    [InlineData("zephyr-7b-beta")]
    [InlineData("zephyr-7b-beta-paper")]
    [InlineData("zephyr-7b-lora")]
    [InlineData("zephyr-7b-qlora", "-merged")]
    [InlineData("tiny")]
    public void Each_stage_starts_from_what_the_one_before_it_wrote(string recipe, string merged = "")
    {
        var (sft, aif, dpo) = (Read<SftConfig>(recipe, "sft").Value, Read<AifConfig>(recipe, "aif").Value, Read<DpoConfig>(recipe, "dpo").Value);
        Assert.Equal(sft.Run.OutputDir + merged, dpo.Model.ModelNameOrPath);
        Assert.Equal([$"{aif.Run.OutputDir}/train_prefs.parquet"], dpo.Data.Dataset);
        Assert.Equal([$"{aif.Run.OutputDir}/test_prefs.parquet"], dpo.Data.EvalDataset);
    }

    private static void AssertValues<T>(ResolvedConfig<T> resolved, string lines) where T : class
    {
        var expected = lines.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var actual = resolved.Keys.ToDictionary(key => key.Name, key => YamlText.Of(key.Value));
        Assert.Equal(expected, expected.Select(line => line.Split(' ')[0]).Select(key => $"{key} {actual[key]}"));
    }

    private static ResolvedConfig<T> Read<T>(string recipe, string stage) where T : class, new() =>
        ConfigReader.Read<T>(Path.Combine(SharedFolder.RepositoryRoot, "configs", recipe, stage + ".yaml"), []);
}
