namespace Zephyr.Configuration.Foreign;

/// <summary>Values of our own keys that other programs write differently.</summary>
internal static class ForeignValues
{
    /// <summary>The same in words, for the documentation, by the key's canonical name.</summary>
    public static readonly IReadOnlyDictionary<string, string> Remarks = new Dictionary<string, string>
    {
        ["torch_dtype"] = "auto is bfloat16 with bf16: true and float32 otherwise",
        ["report_to"] = "all is tensorboard, other services are ignored with a word",
        ["warmup_steps"] = "a number under 1 is warmup_ratio",
        ["max_length"] = "null (no limit) is refused",
        ["max_seq_length"] = "null (no limit) is refused",
        ["max_prompt_length"] = "null (no limit) is refused",
        ["loss_type"] = "aot_pair is aot_unpaired, kto_pair is refused",
    };

    /// <summary>What becomes of a value that is not ours; null where it is left to its key.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="key">The key's canonical name.</param>
    /// <param name="value">What stands there.</param>
    /// <param name="given">What else is said.</param>
    public static IEnumerable<Fate>? Place(string? stage, string key, YamlValue value, GivenKeys given) => (stage, key) switch
    {
        (null or "aif", _) => null,
        (_, "torch_dtype") when value.Says("auto") => Auto(value, given),
        (_, "report_to") => ReportTo(value),
        (_, "warmup_steps") when value is YamlScalar scalar && scalar.AsNumber() is > 0 and < 1 => [new Means("warmup_ratio", value)],
        (_, "max_length" or "max_prompt_length" or "max_seq_length") when value.Says("null") =>
            [new Refused("null means no limit in TRL, and a limit is needed here: write a number of tokens")],
        ("dpo", "loss_type") when value.Items().Any(item => item?.Text == "kto_pair") =>
            [new Refused("kto_pair is not implemented, TRL itself has given it up: write one of the losses that zephyr dpo --help lists")],
        ("dpo", "loss_type") when value.Items().Any(item => item?.Text == "aot_pair") =>
            [new Means("loss_type", new YamlList(value.Line, [.. value.Items().Select(item => item?.Text == "aot_pair" ? item.With("aot_unpaired") : item)]))],
        _ => null,
    };

    /// <summary>auto leaves the type to the model's files, which are bfloat16 for every published Mistral. Here it only says how the result is stored.</summary>
    private static IEnumerable<Fate> Auto(YamlValue value, GivenKeys given) =>
        [new Means("torch_dtype", value.With(given.Says("bf16", "true") ? "bfloat16" : "float32"))];

    private static IEnumerable<Fate>? ReportTo(YamlValue value)
    {
        var targets = value.Items();
        if (value.Says("null") || targets.Any(target => target is not { Kind: ScalarKind.Text })) return null;
        if (targets is [{ Text: "none" }]) return [new Means("report_to", new YamlList(value.Line, []))];
        if (targets is [{ Text: "all" }]) return [new Means("report_to", value.With("tensorboard"))];
        var others = targets.Where(target => target!.Text != "tensorboard").Select(target => target!.Text).ToList();
        if (others.Count == 0) return null;
        return
        [
            new Means("report_to", new YamlList(value.Line, [.. targets.Where(target => target!.Text == "tensorboard")])),
            new Ignored($"{string.Join(", ", others)} is not reported to, only tensorboard is, and metrics.jsonl is always written"),
        ];
    }
}
