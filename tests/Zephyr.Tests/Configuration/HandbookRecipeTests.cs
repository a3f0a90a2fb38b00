using Zephyr.Configuration;

namespace Zephyr.Tests.Configuration;

/// <summary>The handbook's recipes load as they are: the values are theirs, what is ignored is listed, what cannot be honoured is refused.</summary>
public class HandbookRecipeTests
{
    private const string IgnoredAlways = """
        do_eval, hub_model_id, hub_strategy, log_level, logging_strategy, model_revision, push_to_hub, remove_unused_columns
        """;

    [Fact]
    public void SFT_of_version_0_3_has_the_values_of_the_published_run()
    {
        var resolved = Read<SftConfig>(HandbookRecipes.Sft03);
        AssertValues(resolved, """
            model_name_or_path mistralai/Mistral-7B-v0.1
            torch_dtype bfloat16
            dataset_mixer {HuggingFaceH4/ultrachat_200k: 1}
            dataset_splits [train_sft, test_sft]
            dataset_num_proc 12
            auto_insert_empty_system_msg true
            max_seq_length 2048
            packing true
            packing_strategy wrapped
            assistant_only_loss false
            num_train_epochs 1
            max_steps -1
            per_device_train_batch_size 16
            per_device_eval_batch_size 8
            gradient_accumulation_steps 1
            gradient_checkpointing true
            bf16 true
            attn_implementation flash_attention_2
            optim adamw_torch
            learning_rate 2e-05
            lr_scheduler_type cosine
            warmup_ratio 0.1
            weight_decay 0
            adam_beta1 0.9
            adam_beta2 0.999
            adam_epsilon 1e-08
            max_grad_norm 1
            logging_steps 5
            report_to [tensorboard]
            eval_strategy epoch
            save_strategy steps
            save_steps 100
            save_total_limit 1
            output_dir data/zephyr-7b-sft-full
            overwrite_output_dir true
            seed 42
            """);
        AssertIgnored(resolved, $"{IgnoredAlways}, chat_template, gradient_checkpointing_kwargs");
    }

    [Fact]
    public void DPO_of_version_0_3_has_the_values_of_the_published_run()
    {
        var resolved = Read<DpoConfig>(HandbookRecipes.Dpo03);
        AssertValues(resolved, """
            torch_dtype float32
            dataset_mixer {HuggingFaceH4/ultrafeedback_binarized: 1}
            dataset_splits [train_prefs, test_prefs]
            auto_insert_empty_system_msg true
            beta 0.01
            loss_type [sigmoid]
            label_smoothing 0
            max_length 1024
            max_prompt_length 512
            truncation_mode keep_end
            reference frozen
            num_train_epochs 1
            per_device_train_batch_size 8
            per_device_eval_batch_size 8
            gradient_accumulation_steps 2
            gradient_checkpointing true
            bf16 true
            optim adamw_torch
            learning_rate 5e-07
            lr_scheduler_type cosine
            warmup_ratio 0.1
            logging_steps 10
            eval_strategy steps
            eval_steps 100
            save_strategy steps
            save_steps 100
            save_total_limit 1
            seed 42
            """);
        AssertIgnored(resolved, "do_eval, gradient_checkpointing_kwargs, hub_model_id, log_level, push_to_hub");
    }

    [Fact]
    public void SFT_of_version_0_2_has_its_larger_batch_no_warmup_and_no_checkpoints()
    {
        var resolved = Read<SftConfig>(HandbookRecipes.Sft02);
        AssertValues(resolved, """
            packing true
            auto_insert_empty_system_msg true
            per_device_train_batch_size 32
            per_device_eval_batch_size 16
            gradient_accumulation_steps 2
            warmup_ratio 0
            eval_strategy epoch
            save_strategy no
            save_total_limit 0
            dataset_num_proc 12
            """);
        AssertIgnored(resolved, IgnoredAlways);
    }

    [Fact]
    public void DPO_of_version_0_2_has_the_papers_beta_and_epochs()
    {
        var resolved = Read<DpoConfig>(HandbookRecipes.Dpo02);
        AssertValues(resolved, """
            beta 0.1
            optim rmsprop
            lr_scheduler_type linear
            learning_rate 5e-07
            warmup_ratio 0.1
            per_device_train_batch_size 8
            per_device_eval_batch_size 4
            gradient_accumulation_steps 1
            max_length 1024
            max_prompt_length 512
            num_train_epochs 3
            eval_strategy steps
            save_strategy no
            """);
        AssertIgnored(resolved, "do_eval, hub_model_id, log_level, push_to_hub");
    }

    [Fact]
    public void What_the_scripts_did_without_a_word_in_the_recipe_is_told()
    {
        Assert.Equal(
            [
                "auto_insert_empty_system_msg is true, as with the alignment-handbook's scripts, whose recipes have dataset_mixer",
                "packing is true, as with the alignment-handbook's scripts, whose recipes have dataset_mixer",
                "model_revision is ignored: a model is a folder on disk, of the revision that was downloaded",
                "do_eval is ignored: the command says what is done, and eval_strategy when it is evaluated",
                "hub_strategy, push_to_hub, hub_model_id are ignored: nothing is uploaded, the output folder is the result",
                "log_level is ignored: --quiet and --verbose say how much is told",
                "logging_strategy is ignored: metrics are written every logging_steps",
                "remove_unused_columns is ignored: only the columns that are needed are read",
                "gradient_checkpointing_kwargs is ignored: it concerns memory only and changes no number",
                "chat_template is ignored: it is the Zephyr template, which is built in",
            ],
            Read<SftConfig>(HandbookRecipes.Sft03).Notes);
        var stated = Read<SftConfig>(HandbookRecipes.Sft03 + "packing: false\nauto_insert_empty_system_msg: false\n");
        Assert.False(stated.Value.Sft.Packing || stated.Value.Data.AutoInsertEmptySystemMsg);
    }

    [Fact]
    public void QLoRA_recipes_are_taken_as_they_are()
    {
        const string expected = "use_peft true\nload_in_4bit true\nuse_bnb_nested_quant false\nlora_r 16\nlora_alpha 16\nlora_dropout 0.05\nlora_target_modules [q_proj, k_proj]\nbf16 true";
        AssertValues(Read<SftConfig>(HandbookRecipes.Sft03Qlora), expected);
        AssertValues(Read<DpoConfig>(HandbookRecipes.Dpo03Qlora), expected);
        AssertValues(Read<SftConfig>(HandbookRecipes.Sft03Qlora + "bnb_4bit_quant_type: nf4\nbnb_4bit_use_double_quant: true\nbnb_4bit_compute_dtype: bfloat16\n"),
            expected.Replace("nested_quant false", "nested_quant true", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("load_in_8bit: true", "load_in_8bit: weights of 8 bits are not implemented, those of 4 bits are: write false, and load_in_4bit: true with use_peft: true for QLoRA (was true)")]
    [InlineData("bnb_4bit_quant_type: fp4", "bnb_4bit_quant_type: NF4 is the code book that is implemented: write nf4 (was fp4)")]
    [InlineData("bnb_4bit_compute_dtype: float16", "bnb_4bit_compute_dtype: products are taken in bfloat16, as bf16 says: write bfloat16, or change bf16 (was float16)")]
    [InlineData("bnb_4bit_compute_dtype: float32", "bnb_4bit_compute_dtype: products are taken in bfloat16, as bf16 says: write bfloat16, or change bf16 (was float32)")]
    public void Other_quantizations_are_refused_in_a_sentence(string line, string expected) =>
        Assert.Equal($"r.yaml: {expected}", Refusal<SftConfig>(HandbookRecipes.Sft03Qlora + line + "\n"));

    [Theory]
    [InlineData("load_in_4bit: true\n", "load_in_4bit: weights of 4 bits cannot learn, an adapter beside them can: give use_peft: true (was false), or write load_in_4bit: false")]
    [InlineData("use_peft: true\nuse_bnb_nested_quant: true\n", "use_bnb_nested_quant: has no meaning without load_in_4bit: set it to false (was true)")]
    public void Weights_of_4_bits_learn_through_an_adapter_only(string lines, string expected)
    {
        Assert.Equal($"r.yaml: {expected}", Refusal<SftConfig>(HandbookRecipes.Sft03 + lines));
        Assert.Equal($"r.yaml: {expected}", Refusal<DpoConfig>(HandbookRecipes.Dpo03 + lines));
    }

    [Fact]
    public void The_mixture_of_2025_is_refused_with_what_to_write_instead()
    {
        const string expected = "r.yaml: dataset_mixture: which rows it holds out is decided by a shuffle of Python's: "
            + "write dataset_mixer: {PATH: 1.0} and dataset_splits, which keep the published test rows apart";
        Assert.Equal(expected, Refusal<SftConfig>(HandbookRecipes.Sft25));
        Assert.Equal(expected, Refusal<DpoConfig>(HandbookRecipes.Dpo25));
    }

    /// <summary>The problems without their line numbers, which are this test's own.</summary>
    private static string Refusal<T>(string yaml) where T : class, new() =>
        string.Join('\n', Assert.Throws<ConfigException>(() => Read<T>(yaml)).Problems.Select(problem => problem with { Line = null }));

    private static void AssertIgnored<T>(ResolvedConfig<T> resolved, string names) where T : class =>
        Assert.Equal(names.Split(", ").Order(StringComparer.Ordinal), resolved.Ignored.Select(key => key.Name).Order(StringComparer.Ordinal));

    private static void AssertValues<T>(ResolvedConfig<T> resolved, string lines) where T : class
    {
        var actual = resolved.Keys.ToDictionary(key => key.Name, key => YamlText.Of(key.Value));
        Assert.Equal(lines.Split('\n'), lines.Split('\n').Select(line => line.Split(' ')[0]).Select(key => $"{key} {actual[key]}"));
    }

    private static ResolvedConfig<T> Read<T>(string yaml) where T : class, new() => ConfigReader.ReadText<T>(yaml, "r.yaml", []);
}
