using Zephyr.Configuration;
using Zephyr.Configuration.Foreign;

namespace Zephyr.Tests.Configuration;

/// <summary>What becomes of TRL's, transformers' and the handbook's keys, one by one.</summary>
public class ForeignKeyTests
{
    private const string Enough = "model_name_or_path: base\ndataset: rows.jsonl\noutput_dir: out\n";

    private static readonly ConfigSchema Sft = ConfigSchema.Of<SftConfig>(), Dpo = ConfigSchema.Of<DpoConfig>();

    [Fact]
    public void Every_field_of_every_program_is_used_ignored_or_refused()
    {
        var unknown = from program in ForeignFields.All
                      from stage in program.Stages
                      let schema = stage == "sft" ? Sft : Dpo
                      from name in program.Fields
                      where schema.Find(name) is null && !schema.Foreign.ContainsKey(name)
                      select $"{stage}: {name} of {program.Name}: {schema.ExplainUnknown(name)}";
        Assert.Empty(unknown);
    }

    /// <summary>Where a key becomes ours, its row in the table must go, or two places would say what it means.</summary>
    [Fact]
    public void No_foreign_key_is_ours_as_well()
    {
        Assert.DoesNotContain(Sft.Foreign.Keys, name => Sft.Find(name) is not null);
        Assert.DoesNotContain(Dpo.Foreign.Keys, name => Dpo.Find(name) is not null);
        Assert.Empty(ConfigSchema.Of<AifConfig>().Foreign);
    }

    /// <summary>What is in the table is a field of some program; one is an argument within another, which people write by itself.</summary>
    [Fact]
    public void The_table_holds_nothing_else() =>
        Assert.Equal(["use_reentrant"], Sft.Foreign.Keys.Union(Dpo.Foreign.Keys).Except(ForeignFields.All.SelectMany(program => program.Fields)));

    [Theory]
    [InlineData("use_peft: false\nlora_r: 16\nlora_alpha: 32\nlora_dropout: 0.05\nlora_target_modules: [q_proj, v_proj]\nuse_rslora: false")]
    [InlineData("fp16: false\nload_in_4bit: False\nuse_dora: false\nlora_task_type: CAUSAL_LM\nlora_modules_to_save: []\ngroup_by_length: false\nlabel_smoothing_factor: 0.0\noptim_args: ''\nfsdp: ''")]
    [InlineData("save_safetensors: true\ntrain_sampling_strategy: random\nloss_type: chunked_nll\ntruncation_mode: keep_start\neos_token: </s>")]
    [InlineData("data_seed: 42\neval_packing: false\ncompletion_only_loss: false\nmodel_init_kwargs: {}\nresume_from_checkpoint: true\nuse_cpu: false")]
    [InlineData("dataset_kwargs: {add_special_tokens: true, append_concat_token: true}\nhub_model_id: null\nreport_to: tensorboard")]
    public void What_asks_for_what_happens_anyway_is_not_worth_a_word(string lines) => Assert.Empty(Read<SftConfig>(lines).Ignored);

    [Theory]
    [InlineData("fp16: true", "sft.yaml:4: fp16: float16 training is not implemented: write bf16: true (was true)")]
    [InlineData("load_in_8bit: true", "sft.yaml:4: load_in_8bit: weights of 8 bits are not implemented, those of 4 bits are: write false, and load_in_4bit: true with use_peft: true for QLoRA (was true)")]
    [InlineData("use_dora: true", "sft.yaml:4: use_dora: weight-decomposed adapters (DoRA) are not implemented: write false (was true)")]
    [InlineData("lora_modules_to_save: [embed_tokens]",
        "sft.yaml:4: lora_modules_to_save: modules that are trained as a whole beside the adapter are not implemented: remove it")]
    [InlineData("lora_target_modules: [q_proj, lm_head]",
        "sft.yaml:4: lora_target_modules: must be q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj or all-linear (was lm_head)")]
    [InlineData("use_peft: false\nlora_r: 64\nlora_dropout: 0.05", "sft.yaml:5: lora_r: has no meaning without use_peft: give use_peft: true, or set it to 16 (was 64)")]
    [InlineData("lora_alpha: 16", "sft.yaml:4: lora_alpha: has no meaning without use_peft: give use_peft: true, or set it to 32 (was 16)")]
    [InlineData("lora_dropout: 0", "sft.yaml:4: lora_dropout: has no meaning without use_peft: give use_peft: true, or set it to 0.05 (was 0)")]
    [InlineData("use_rslora: true", "sft.yaml:4: use_rslora: has no meaning without use_peft: give use_peft: true, or set it to false (was true)")]
    [InlineData("lora_target_modules: all-linear", "sft.yaml:4: lora_target_modules: has no meaning without use_peft: give use_peft: true, or set it to [q_proj, v_proj] (was [all-linear])")]
    [InlineData("lora_target_modules: [q_proj, all-linear]", "sft.yaml:4: lora_target_modules: all-linear stands alone")]
    [InlineData("neftune_noise_alpha: 5", "sft.yaml:4: neftune_noise_alpha: noise on the embeddings (NEFTune) is not implemented: remove it (was 5)")]
    [InlineData("completion_only_loss: true", "sft.yaml:4: completion_only_loss: the loss is on all tokens, or with assistant_only_loss: true on the assistant's turns: "
        + "write that, and remove it (was true)")]
    [InlineData("loss_type: dft", "sft.yaml:4: loss_type: the loss of sft is the mean negative log-likelihood: write nll (was dft)")]
    [InlineData("eval_packing: true", "sft.yaml:4: eval_packing: held-out rows are packed exactly when training rows are (packing): remove it (was true)")]
    [InlineData("data_seed: 1", "sft.yaml:4: data_seed: there is one seed for everything: write seed, and remove data_seed (was 1)")]
    [InlineData("chat_template: '{{ messages }}'", "sft.yaml:4: chat_template: it is not the Zephyr template as published, the only one that is built in: "
        + "remove it to train with that (was {{ messages }})")]
    [InlineData("dataset_kwargs: {add_special_tokens: false}", "sft.yaml:4: dataset_kwargs: how text becomes tokens is fixed, and add_special_tokens cannot be changed: remove it")]
    [InlineData("model_init_kwargs: {torch_dtype: bfloat16, rope_theta: 1e6}",
        "sft.yaml:4: model_init_kwargs: the model is loaded as its config.json says, and rope_theta cannot be changed: remove it")]
    [InlineData("resume_from_checkpoint: out/checkpoint-3",
        "sft.yaml:4: resume_from_checkpoint: a checkpoint to go on from is named on the command line: --resume FOLDER (was out/checkpoint-3)")]
    [InlineData("use_cpu: 1", "sft.yaml:4: use_cpu: expected true or false (was 1)")]
    [InlineData("max_length: null", "sft.yaml:4: max_length: null means no limit in TRL, and a limit is needed here: write a number of tokens (was null)")]
    [InlineData("sync_ref_model: true", "sft.yaml:4: sync_ref_model: belongs to dpo, not to sft")]
    [InlineData("push_to_hubb: true", "sft.yaml:4: push_to_hubb: unknown key; did you mean push_to_hub?")]
    [InlineData("push_to_hub: true\npush_to_hub: true", "sft.yaml:5: push_to_hub: is given twice, first on line 4")]
    [InlineData("device: cpu\nuse_cpu: true", "sft.yaml:5: use_cpu: is another name for device, which is given on line 4: give one of them")]
    [InlineData("warmup_ratio: 0.1\nwarmup_steps: 0.1",
        "sft.yaml:5: warmup_steps: is another name for warmup_ratio, which is given on line 4: give one of them")]
    public void What_cannot_be_honoured_is_refused_with_what_to_write(string lines, string expected) =>
        Assert.Equal(expected, Assert.Throws<ConfigException>(() => Read<SftConfig>(lines)).Message);

    [Theory]
    [InlineData("loss_type: kto_pair",
        "dpo.yaml:4: loss_type: kto_pair is not implemented, TRL itself has given it up: write one of the losses that zephyr dpo --help lists (was kto_pair)")]
    [InlineData("use_weighting: true", "dpo.yaml:4: use_weighting: weights of pairs by their probability (WPO) are not implemented: write false (was true)")]
    [InlineData("max_completion_length: 512", "dpo.yaml:4: max_completion_length: answers have no limit of their own, they are cut to fit max_length: remove it (was 512)")]
    [InlineData("reference: frozen\nprecompute_ref_log_probs: false",
        "dpo.yaml:5: precompute_ref_log_probs: is another name for reference, which is given on line 4: give one of them")]
    [InlineData("lora_r: 8\nuse_rslora: true", "dpo.yaml:4: lora_r: has no meaning without use_peft: give use_peft: true, or set it to 16 (was 8)\n"
        + "dpo.yaml:5: use_rslora: has no meaning without use_peft: give use_peft: true, or set it to false (was true)")]
    [InlineData("reference: adapter", "dpo.yaml:4: reference: adapter is the policy with its adapter off: give use_peft: true (was false), or write frozen")]
    [InlineData("reference: adapter\nuse_peft: true\nref_model_name_or_path: m", "dpo.yaml:6: ref_model_name_or_path: has no meaning for reference: adapter, "
        + "which is the model that the run starts from: remove it, or write reference: frozen (was m)")]
    public void So_it_is_for_DPO(string lines, string expected) =>
        Assert.Equal(expected, Assert.Throws<ConfigException>(() => Read<DpoConfig>(lines)).Message);

    [Theory]
    [InlineData("use_cpu: true", "device", "cpu")]
    [InlineData("per_gpu_train_batch_size: 3", "per_device_train_batch_size", "3")]
    [InlineData("warmup_steps: 0.1", "warmup_ratio", "0.1")]
    [InlineData("warmup_steps: 10", "warmup_steps", "10")]
    [InlineData("torch_dtype: auto\nbf16: true", "torch_dtype", "bfloat16")]
    [InlineData("dtype: auto", "torch_dtype", "float32")]
    [InlineData("report_to: all", "report_to", "[tensorboard]")]
    [InlineData("report_to: none", "report_to", "[]")]
    [InlineData("report_to: [wandb, tensorboard]", "report_to", "[tensorboard]")]
    public void What_is_ours_in_other_words_is_taken(string lines, string key, string expected) =>
        Assert.Equal(expected, YamlText.Of(Read<SftConfig>(lines).Keys.Single(entry => entry.Name == key).Value));

    [Fact]
    public void So_are_DPOs_older_names()
    {
        var resolved = Read<DpoConfig>("precompute_ref_log_probs: false\nloss_type: [aot_pair, sft]\n");
        Assert.Equal(["aot_unpaired", "sft"], resolved.Value.Dpo.LossType);
        Assert.Equal("file dpo.yaml line 4 (precompute_ref_log_probs: false)", resolved.Keys.Single(key => key.Name == "reference").Origin);
    }

    [Fact]
    public void An_adapters_reference_is_TRLs_unless_it_is_stated()
    {
        var resolved = Read<DpoConfig>("use_peft: true\n");
        Assert.Equal("adapter", resolved.Value.Dpo.Reference);
        Assert.Equal(["reference is adapter, as with TRL where an adapter is trained (use_peft: true)"], resolved.Notes);
        Assert.Equal("frozen", Read<DpoConfig>("use_peft: true\nref_model_name_or_path: m\n").Value.Dpo.Reference);
        Assert.Equal("cached", Read<DpoConfig>("use_peft: true\nprecompute_ref_log_probs: true\n").Value.Dpo.Reference);
        Assert.Equal("frozen", Read<DpoConfig>("use_peft: false\n").Value.Dpo.Reference);
    }

    [Fact]
    public void A_data_set_by_TRLs_keys_is_a_mixer_of_one_with_its_splits()
    {
        const string model = "model_name_or_path: m\noutput_dir: o\n";
        var data = ReadAll<DpoConfig>(model + "dataset_name: trl-lib/pairs\ndataset_train_split: train_prefs\neval_strategy: epoch\n").Value.Data;
        Assert.Equal(("trl-lib/pairs", 1.0), (data.DatasetMixer.Single().Key, data.DatasetMixer.Single().Value));
        Assert.Equal(["train_prefs", "test"], data.DatasetSplits);
        Assert.False(data.AutoInsertEmptySystemMsg);
        Assert.Equal(["train"], ReadAll<DpoConfig>(model + "dataset_name: trl-lib/pairs\n").Value.Data.DatasetSplits);
        Assert.Equal(["pairs.jsonl"], ReadAll<DpoConfig>(model + "dataset_name: pairs.jsonl\n").Value.Data.Dataset);
        Assert.Equal("dpo.yaml:3: dataset_name: the split sft is not recognised as one to train on by its name: write the path of its files as dataset (was x/y)",
            Assert.Throws<ConfigException>(() => ReadAll<DpoConfig>(model + "dataset_name: x/y\ndataset_train_split: sft\n")).Message);
    }

    [Fact]
    public void What_is_ignored_is_in_the_printed_form_and_in_the_record()
    {
        var resolved = Read<SftConfig>("run_name: 'a'\nreport_to: [wandb]\n", new ConfigOverride("push-to-hub", "true"));
        Assert.EndsWith("""

            # Ignored:
            # run_name (file sft.yaml line 4): it names the run for online services, which are not reported to
            # report_to (file sft.yaml line 5): wandb is not reported to, only tensorboard is, and metrics.jsonl is always written
            # push_to_hub (option --push-to-hub): nothing is uploaded, the output folder is the result

            """, resolved.ToText());
        Assert.Equal("""{"reason":"it names the run for online services, which are not reported to","origin":"file sft.yaml line 4"}""",
            resolved.IgnoredToJson()["run_name"]!.ToJsonString());
        Assert.Empty(ConfigReader.ReadText<SftConfig>(resolved.ToText(), "printed", []).Ignored);
    }

    [Fact]
    public void An_option_takes_the_place_of_what_the_file_asks_for() =>
        Assert.Empty(Read<SftConfig>("use_dora: true\n", new ConfigOverride("use_dora", "false")).Ignored);

    [Theory]
    [InlineData("user", "user", true)]
    [InlineData(" + ", "  +\t", true)]
    [InlineData("|>\n", "|>\\n", true)]
    [InlineData("|>\n", "|>", false)]
    [InlineData("eos_token", "'</s>'", false)]
    [InlineData("<|system|>", "<|im_start|>", false)]
    public void The_published_template_is_known_by_all_but_its_blanks(string part, string otherwise, bool known) =>
        Assert.Equal(known, PublishedTemplate.IsIt(PublishedTemplate.Jinja.Replace(part, otherwise, StringComparison.Ordinal)));

    private static ResolvedConfig<T> Read<T>(string lines, params ConfigOverride[] options) where T : class, new() => ReadAll<T>(Enough + lines, options);

    private static ResolvedConfig<T> ReadAll<T>(string yaml, params ConfigOverride[] options) where T : class, new() =>
        ConfigReader.ReadText<T>(yaml, $"{typeof(T).Name[..3].ToLowerInvariant()}.yaml", options);
}
