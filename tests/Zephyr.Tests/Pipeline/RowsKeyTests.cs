using Zephyr.Configuration;
using Zephyr.Pipeline;
using Zephyr.Training;

namespace Zephyr.Tests.Pipeline;

/// <summary>What prepared rows are named by: all that they depend on and nothing else.</summary>
public sealed class RowsKeyTests : IDisposable
{
    // A key of these groups that stands in neither list fails a test below: somebody has to think about it.
    private static readonly (string Stage, string Key, string Value)[] Matter =
    [
        ("sft", "max_seq_length", "60"), ("sft", "packing", "true"), ("sft", "packing_strategy", "bfd"), ("sft", "assistant_only_loss", "true"),
        ("sft", "eval_fraction", "0.2"), ("sft", "on_bad_row", "skip"), ("sft", "auto_insert_empty_system_msg", "true"), ("sft", "seed", "43"),
        ("dpo", "max_length", "60"), ("dpo", "max_prompt_length", "30"), ("dpo", "truncation_mode", "keep_start"), ("dpo", "tokenization", "handbook-v0.3"),
        ("dpo", "eval_fraction", "0.2"), ("dpo", "on_bad_row", "skip"), ("dpo", "auto_insert_empty_system_msg", "true"), ("dpo", "seed", "43"),
    ];

    private static readonly (string Stage, string Key, string Value)[] DoNot =
    [
        ("sft", "dataset_num_proc", "3"), ("sft", "dataset_cache_dir", "elsewhere"), ("sft", "learning_rate", "1"), ("sft", "num_train_epochs", "1"), ("sft", "output_dir", "other"),
        ("sft", "per_device_train_batch_size", "1"), ("sft", "bf16", "true"), ("sft", "gradient_checkpointing", "true"),
        ("dpo", "dataset_num_proc", "3"), ("dpo", "dataset_cache_dir", "elsewhere"), ("dpo", "beta", "0.2"), ("dpo", "loss_type", "[sigmoid, sft]"), ("dpo", "loss_weights", "[2]"),
        ("dpo", "label_smoothing", "0.1"), ("dpo", "rpo_alpha", "1"), ("dpo", "ld_alpha", "0.5"), ("dpo", "f_divergence_type", "forward_kl"), ("dpo", "f_alpha_divergence_coef", "0.4"),
        ("dpo", "discopop_tau", "0.1"), ("dpo", "reference", "cached"), ("dpo", "ref_model_name_or_path", "another"), ("dpo", "pair_layout", "shared_prefix"), ("dpo", "disable_dropout", "false"),
    ];

    // By the files that they name: see below.
    private static readonly string[] ByFiles = ["dataset", "eval_dataset", "dataset_mixer", "dataset_splits"];

    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    public static TheoryData<string, string, string> Mattering => [.. Matter];

    public static TheoryData<string, string, string> Indifferent => [.. DoNot];

    [Theory]
    [MemberData(nameof(Mattering))]
    public void A_key_that_changes_rows_changes_their_name(string stage, string key, string value) => Assert.NotEqual(KeyOf(stage), KeyOf(stage, (key, value)));

    [Theory]
    [MemberData(nameof(Indifferent))]
    public void A_key_that_changes_no_row_does_not(string stage, string key, string value) => Assert.Equal(KeyOf(stage), KeyOf(stage, (key, value)));

    [Fact]
    public void Every_key_of_rows_is_one_or_the_other()
    {
        var thought = Matter.Concat(DoNot).Select(entry => (entry.Stage, entry.Key)).ToHashSet();
        foreach (var (stage, keys) in new[] { ("sft", ConfigSchema.Of<SftConfig>().Keys), ("dpo", ConfigSchema.Of<DpoConfig>().Keys) })
            Assert.Empty(keys.Where(key => key.Group is "Data" or "Sft" or "Dpo" && !ByFiles.Contains(key.Name) && !thought.Contains((stage, key.Name))).Select(key => key.Name));
    }

    [Fact]
    public void The_seed_matters_only_where_it_chooses_what_is_held_out() =>
        Assert.Equal(KeyOf("sft", ("eval_fraction", "0"), ("eval_strategy", "no")), KeyOf("sft", ("eval_fraction", "0"), ("eval_strategy", "no"), ("seed", "43")));

    [Fact]
    public void Content_matters_and_names_do_not_unless_lines_name_files()
    {
        var moved = _world.Write("elsewhere/rows.jsonl", File.ReadAllText(_world.Dialogues));
        Assert.Equal(KeyOf("sft"), KeyOf("sft", ("dataset", moved)));
        Assert.NotEqual(KeyOf("sft", ("on_bad_row", "skip")), KeyOf("sft", ("on_bad_row", "skip"), ("dataset", moved)));
        File.AppendAllText(moved, "\n");
        Assert.NotEqual(KeyOf("sft"), KeyOf("sft", ("dataset", moved)));
    }

    [Fact]
    public void Order_side_share_and_tokenizer_matter()
    {
        string one = _world.Write("a.jsonl", File.ReadAllText(_world.Dialogues)), other = _world.Write("b.jsonl", File.ReadAllText(_world.Dialogues) + "\n");
        string Of(string train, string? held) => KeyOf("sft", ("dataset", train), ("eval_fraction", "0"), held is null ? ("eval_strategy", "no") : ("eval_dataset", held));
        string Mixed(string mixer) => KeyOf("sft", ("dataset_mixer", mixer), ("dataset_splits", "[train]"), ("eval_strategy", "no"));
        _world.Write("m/train.jsonl", File.ReadAllText(one));
        _world.Write("n/train.jsonl", File.ReadAllText(other));
        var (m, n) = (_world.PathOf("m"), _world.PathOf("n"));
        string[] keys =
        [
            Of(one, null), Of(other, null), Of(one, other), Of(other, one), Of($"[{one}, {other}]", null),
            Mixed($"{{{m}: 1.0, {n}: 0.5}}"), Mixed($"{{{m}: 1.0, {n}: 0.6}}"), Mixed($"{{{n}: 0.5, {m}: 1.0}}"), Mixed($"{{{m}: 0.5, {n}: 1.0}}"),
        ];
        Assert.Equal(keys.Length, keys.Distinct().Count());

        var tokenizer = _world.PathOf("tokenizer.model");
        File.WriteAllBytes(tokenizer, File.ReadAllBytes(Path.Combine(_world.Base, "tokenizer.model")));
        Assert.Equal(KeyOf("sft"), KeyOf("sft", ("tokenizer_name_or_path", tokenizer)));
        // A field that protobuf skips: the same vocabulary, and still another file.
        File.WriteAllBytes(tokenizer, [.. File.ReadAllBytes(tokenizer), 0xF8, 0x01, 0x01]);
        Assert.NotEqual(KeyOf("sft"), KeyOf("sft", ("tokenizer_name_or_path", tokenizer)));
    }

    private string KeyOf(string stage, params (string Key, string Value)[] more)
    {
        var options = _world.KeysOf(stage, "out", more).Select(entry => new ConfigOverride(entry.Key, entry.Value)).ToList();
        return stage == "sft"
            ? KeyOf(ConfigReader.ReadText<SftConfig>(null, null, options), config => (config.Model, config.Data, config.Training, config.Optimizer, config.Cadence, config.Run))
            : KeyOf(ConfigReader.ReadText<DpoConfig>(null, null, options), config => (config.Model, config.Data, config.Training, config.Optimizer, config.Cadence, config.Run));
    }

    private static string KeyOf<T>(ResolvedConfig<T> resolved,
        Func<T, (ModelOptions Model, DataOptions Data, TrainingOptions Training, OptimizerOptions Optimizer, CadenceOptions Cadence, RunOptions Run)> groupsOf) where T : class, new()
    {
        var groups = groupsOf(resolved.Value);
        var stage = new TrainingStage("sft", groups.Model, new(), groups.Run, new(groups.Training, groups.Optimizer, groups.Cadence, groups.Run.Seed), resolved.ToJson(),
            new("auto", SilentObserver.Instance), TestContext.Current.CancellationToken);
        return Convert.ToHexStringLower(RowsKey.Of(resolved.Value, groups.Data, groups.Run.Seed, stage, new(groups.Data), TestContext.Current.CancellationToken));
    }
}
