using Zephyr.Configuration;

namespace Zephyr.Tests.Configuration;

/// <summary>What a person reads when a config is wrong, letter for letter.</summary>
public class ConfigErrorTests
{
    private const string Enough = "model_name_or_path: base\ndataset: rows.jsonl\noutput_dir: out\n";

    [Theory]
    [InlineData("lerning_rate: 1e-5", "sft.yaml:4: lerning_rate: unknown key; did you mean learning_rate?")]
    [InlineData("quality: high", "sft.yaml:4: quality: unknown key")]
    [InlineData("beta: 0.1", "sft.yaml:4: beta: belongs to dpo, not to sft")]
    [InlineData("feedback: a.jsonl", "sft.yaml:4: feedback: belongs to aif, not to sft")]
    [InlineData("seed: 1\nseed: 1", "sft.yaml:5: seed: is given twice, first on line 4")]
    [InlineData("eval_fraction: 0.1\neval_strategy: epoch\nevaluation_strategy: epoch",
        "sft.yaml:6: evaluation_strategy: is another name for eval_strategy, which is given on line 5: give one of them")]
    [InlineData("learning_rate: fast", "sft.yaml:4: learning_rate: found the text \"fast\", expected a number")]
    [InlineData("learning_rate: \"2e-5\"", "sft.yaml:4: learning_rate: found the text \"2e-5\", expected a number")]
    [InlineData("max_steps: 1e3", "sft.yaml:4: max_steps: found the number 1e3, expected a whole number")]
    [InlineData("max_steps: 99999999999",
        "sft.yaml:4: max_steps: found the number 99999999999, expected a whole number from -2147483648 to 2147483647")]
    [InlineData("packing: yes", "sft.yaml:4: packing: found the text \"yes\", expected true or false")]
    [InlineData("device: true", "sft.yaml:4: device: found true, expected text: put it in quotes")]
    [InlineData("eval_dataset: 7", "sft.yaml:4: eval_dataset: found the number 7, expected text or a list of texts: put it in quotes")]
    [InlineData("eval_dataset: [a, [b]]",
        "sft.yaml:4: eval_dataset: found a list or mapping inside the list, expected text or a list of texts")]
    [InlineData("eval_dataset: {a: 1}", "sft.yaml:4: eval_dataset: found a mapping, expected text or a list of texts")]
    [InlineData("seed: [1]", "sft.yaml:4: seed: found a list, expected a whole number")]
    [InlineData("learning_rate: 1e40", "sft.yaml:4: learning_rate: found the number 1e40, expected 0 or a number from 1e-30 to 1e15 in size")]
    [InlineData("adam_epsilon: 1e-40", "sft.yaml:4: adam_epsilon: found the number 1e-40, expected 0 or a number from 1e-30 to 1e15 in size")]
    [InlineData("lr_scheduler_kwargs: {power: 1e40}",
        "sft.yaml:4: lr_scheduler_kwargs: found the number 1e40 at power, expected 0 or a number from 1e-30 to 1e15 in size")]
    [InlineData("lr_scheduler_kwargs: {power: two}", "sft.yaml:4: lr_scheduler_kwargs: found the text \"two\" at power, expected a number")]
    [InlineData("lr_scheduler_type: cosine_with_min_lr",
        "sft.yaml: lr_scheduler_kwargs: cosine_with_min_lr needs min_lr or min_lr_rate, and neither is given")]
    [InlineData("lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr: 0.1}",
        "sft.yaml:5: lr_scheduler_kwargs: min_lr must be at most learning_rate (was 0.1, learning_rate 2E-05)")]
    [InlineData("lr_scheduler_type: reduce_lr_on_plateau", "sft.yaml:4: lr_scheduler_type: reduce_lr_on_plateau is not implemented; expected cosine, linear, "
        + "constant, constant_with_warmup, cosine_with_restarts, cosine_with_min_lr, cosine_warmup_with_min_lr, polynomial, inverse_sqrt or warmup_stable_decay")]
    [InlineData("dataset_kwargs: 3", "sft.yaml:4: dataset_kwargs: expected names with values (was 3)")]
    [InlineData("model_init_kwargs: 3", "sft.yaml:4: model_init_kwargs: expected names with values (was 3)")]
    [InlineData("eval_dataset: [a.jsonl, b.jsonl, a.jsonl]", "sft.yaml:4: eval_dataset: a.jsonl is named twice, and every file is read once: name it once")]
    [InlineData("learning_rate: -1", "sft.yaml:4: learning_rate: must be > 0 (was -1)")]
    [InlineData("max_length: 1", "sft.yaml:4: max_length: must be at least 2 (was 1)")]
    [InlineData("optim: adafactor", "sft.yaml:4: optim: adafactor is not implemented; expected adamw_torch, adamw_torch_fused, adamw_hf, "
        + "paged_adamw, paged_adamw_32bit or rmsprop")]
    [InlineData("eval_strategy: steps", "sft.yaml:4: eval_strategy: needs rows to evaluate on: give eval_dataset or eval_fraction (was steps)")]
    [InlineData("torch_dtype: bfloat16",
        "sft.yaml:4: torch_dtype: bfloat16 weights are trained with bf16: true, which keeps an fp32 master copy (bf16 was false)")]
    [InlineData("device: &here cpu", "sft.yaml:4: device: anchors (&name) are not supported: write the value where it is needed")]
    [InlineData("eval_dataset: *.parquet",
        "sft.yaml:4: eval_dataset: aliases (*name) are not supported: write the value, in quotes where it starts with *")]
    [InlineData("seed: !!int 3", "sft.yaml:4: seed: tags (!name) are not supported: the key's type is known")]
    [InlineData("[a]: 3", "sft.yaml:4: found a list as a key, expected a name")]
    [InlineData("---\nseed: 1", "sft.yaml:4: a second document starts here: a config is one document")]
    [InlineData("seed 3", "sft.yaml:4: is not YAML: while scanning a simple key, could not find expected ':'")]
    [InlineData("eval_dataset: [a, b\nseed: x", "sft.yaml:4: is not YAML: here or in the lines below it a list, a mapping or a quoted text has no end")]
    [InlineData("max_shard_size: 5 GB", "sft.yaml:4: max_shard_size: must be a whole number above 0 with KB, MB or GB, such as 5GB (was 5 GB)")]
    [InlineData("max_shard_size: 0GB", "sft.yaml:4: max_shard_size: must be a whole number above 0 with KB, MB or GB, such as 5GB (was 0GB)")]
    [InlineData("max_shard_size: 10000000000GB",
        "sft.yaml:4: max_shard_size: must be a whole number above 0 with KB, MB or GB, such as 5GB (was 10000000000GB)")]
    [InlineData("max_shard_size: 99999999999999999999GB",
        "sft.yaml:4: max_shard_size: must be a whole number above 0 with KB, MB or GB, such as 5GB (was 99999999999999999999GB)")]
    [InlineData("tokenizer_name_or_path: ''", "sft.yaml:4: tokenizer_name_or_path: found an empty text, expected text, or null for none")]
    public void A_wrong_line_is_named_with_what_was_found_and_what_was_expected(string lines, string expected) =>
        Assert.Equal(expected, Problems<SftConfig>(Enough + lines));

    [Theory]
    [InlineData("- a\n- b\n", "sft.yaml:1: found a list, expected \"key: value\" lines")]
    [InlineData("seed\n", "sft.yaml:1: found a single value, expected \"key: value\" lines")]
    public void A_document_that_is_no_mapping_is_said_to_be_none(string yaml, string expected) =>
        Assert.StartsWith(expected + "\n", Problems<SftConfig>(yaml));

    [Theory]
    [InlineData("loss_type: [sigmoid, sft]\nloss_weights: [0, 0]", "dpo.yaml:5: loss_weights: must have a number above 0, or there is nothing to learn")]
    [InlineData("loss_type: [sigmoid, sft]\nloss_weights: [1, 1e20]",
        "dpo.yaml:5: loss_weights: found the number 1e20, expected 0 or a number from 1e-30 to 1e15 in size")]
    [InlineData("loss_type: [apo_zero, sft]\nf_divergence_type: forward_kl",
        "dpo.yaml:5: f_divergence_type: has no meaning for loss_type apo_zero, sft: write reverse_kl (was forward_kl)")]
    [InlineData("per_device_train_batch_size: 1\nloss_type: aot",
        "dpo.yaml:5: loss_type: aot compares the sorted pairs of a micro-batch: give per_device_train_batch_size above 1 (was 1)")]
    [InlineData("loss_type: exo_pair",
        "dpo.yaml: label_smoothing: must be above 0 for loss_type exo_pair, whose formula takes its logarithm (TRL uses 1e-3)")]
    [InlineData("loss_type: hinge\nlabel_smoothing: 0.1", "dpo.yaml:5: label_smoothing: has no meaning for loss_type hinge: set it to 0")]
    [InlineData("loss_type: [hinge, hinge]", "dpo.yaml:4: loss_type: names a loss twice: give it one weight in loss_weights")]
    [InlineData("loss_type: []", "dpo.yaml:4: loss_type: must name a loss (was empty)")]
    [InlineData("loss_weights: [1, 2]", "dpo.yaml:4: loss_weights: must have as many numbers as loss_type has losses (1; were 2)")]
    [InlineData("tokenization: trl", "dpo.yaml: truncation_mode: must be keep_start for tokenization trl (was keep_end)")]
    [InlineData("reference: none", "dpo.yaml:4: reference: must be frozen, cached or adapter (was none)")]
    public void So_it_is_where_pairs_are_learned_from(string lines, string expected) => Assert.Equal(expected, Problems<DpoConfig>(Enough + lines));

    /// <summary>The mixer that could not be read is why there is no dataset: that needs no second sentence.</summary>
    [Theory]
    [InlineData("dataset_mixer: [a, b]", "dataset_mixer: found a list, expected names with a number each, {name: number}")]
    [InlineData("dataset_mixer: {a: half}", "dataset_mixer: found the text \"half\" at a, expected a number")]
    [InlineData("dataset_mixer: {a: 0.5}\ndataset_splits: [test]", "dataset_splits: must name a split with \"train\" in it: the rows to train on")]
    public void What_follows_from_a_broken_value_is_not_said_as_well(string lines, string expected)
    {
        var wrong = Assert.Throws<ConfigException>(() => ConfigReader.ReadText<SftConfig>("model_name_or_path: base\noutput_dir: out\n" + lines, null, []));
        Assert.Equal(expected, string.Join('\n', wrong.Problems.Select(problem => problem with { Line = null })));
    }

    [Fact]
    public void What_is_missing_comes_after_what_is_wrong_and_everything_is_said_at_once() => Assert.Equal(
        """
        dpo.yaml:1: beta: must be > 0 (was 0)
        dpo.yaml:2: lerning_rate: unknown key; did you mean learning_rate?
        dpo.yaml:3: dataset: is required, or dataset_mixer: the rows to train on
        dpo.yaml:4: truncation_mode: must be keep_end or keep_start (was keep_middle)
        dpo.yaml:5: packing: belongs to sft, not to dpo
        dpo.yaml:6: max_prompt_length: must be under max_length (1024), or no room is left for an answer (was 2048)
        dpo.yaml: model_name_or_path: is required, in the config file or as --model_name_or_path: model folder: config.json, *.safetensors, tokenizer.model
        dpo.yaml: output_dir: is required, in the config file or as --output_dir: folder that receives everything the run writes
        --seed: found the text "x", expected a whole number
        --epochs: unknown key
        --max_stepps: unknown key; did you mean --max_steps?
        """.ReplaceLineEndings("\n"),
        Problems<DpoConfig>(
            "beta: 0\nlerning_rate: 1\ndataset: null\ntruncation_mode: keep_middle\npacking: true\nmax_prompt_length: 2048\n",
            ("seed", "x"), ("epochs", "3"), ("max_stepps", "3")));

    [Fact]
    public void An_option_given_twice_is_an_error_in_either_spelling() =>
        Assert.Equal("--learning-rate: is given more than once",
            Problems<SftConfig>(Enough, ("learning_rate", "1e-5"), ("learning-rate", "1e-5")));

    [Fact]
    public void An_options_value_that_is_no_yaml_says_so() =>
        Assert.Equal("--dataset: is not YAML (was [a, b)\n--eval_dataset: is not YAML (was [a b: c])",
            Problems<SftConfig>(Enough, ("dataset", "[a, b"), ("eval_dataset", "[a\nb: c]")).Replace("[a\nb", "[a b"));

    [Theory]
    [InlineData("1KB", 1000)]
    [InlineData("500MB", 500_000_000)]
    [InlineData("9223372036GB", 9_223_372_036_000_000_000)]
    public void A_size_is_counted_in_powers_of_1000(string text, long bytes) => Assert.Equal(bytes, ByteSize.Parse(text));

    [Fact]
    public void Without_a_file_what_is_missing_is_asked_for_by_key() =>
        Assert.Equal(
            "output_dir: is required, in the config file or as --output_dir: folder that receives everything the run writes\n"
            + "feedback: is required, for scored answers; or completions, for answers that a judge scores; or prompts, for models to answer",
            Assert.Throws<ConfigException>(() => ConfigReader.Read<AifConfig>(null, [])).Message);

    [Fact]
    public void A_key_of_several_other_stages_names_them_all() =>
        Assert.Equal("aif.yaml:3: learning_rate: belongs to sft and dpo, not to aif",
            Problems<AifConfig>("feedback: a\noutput_dir: b\nlearning_rate: 1\n"));

    [Fact]
    public void A_file_that_is_not_there_or_not_text_is_one_sentence()
    {
        Assert.Equal("nowhere.yaml: there is no such file, expected a config file", Unreadable("nowhere.yaml"));
        Assert.Equal("/: found a folder, expected a file (config file)", Unreadable("/"));
        var file = Path.GetTempFileName();
        File.WriteAllBytes(file, [0x61, 0x3a, 0x20, 0xff]);
        Assert.Equal($"{file}: found bytes that are not UTF-8 at offset 3, expected UTF-8 text (config file)", Unreadable(file));
        File.Delete(file);
    }

    private static string Unreadable(string file) =>
        Assert.Throws<Zephyr.Runtime.UserErrorException>(() => ConfigReader.Read<SftConfig>(file, [])).Message;

    private static string Problems<T>(string yaml, params (string Key, string Value)[] options) where T : class, new()
    {
        var overrides = options.Select(option => new ConfigOverride(option.Key, option.Value)).ToList();
        var name = $"{typeof(T).Name[..3].ToLowerInvariant()}.yaml";
        return Assert.Throws<ConfigException>(() => ConfigReader.ReadText<T>(yaml, name, overrides)).Message;
    }
}
