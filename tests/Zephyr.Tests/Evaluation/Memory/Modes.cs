namespace Zephyr.Tests.Evaluation.Memory;

/// <summary>A way to train: a value of each of the options that decide over memory.</summary>
/// <param name="Values">In the order of <see cref="Modes.Options"/>.</param>
internal sealed record Mode(IReadOnlyList<string> Values)
{
    public string Stage => Values[0];

    public string Layout => Values[1];

    public string Reference => Values[2];

    public string Adapter => Values[3];

    public bool Bf16 => Values[4] == "bf16";

    public int RecomputeEvery => int.Parse(Values[5], System.Globalization.CultureInfo.InvariantCulture);

    public string State => Values[6];

    /// <summary>Keys of zephyr bench.</summary>
    public IEnumerable<string> Arguments =>
    [
        Stage,
        .. Stage == "dpo" ? ["--pair_layout", Layout, "--reference", Reference] : Array.Empty<string>(),
        .. Adapter == "full" ? [] : new[] { "--use_peft", "true", "--lora_target_modules", "all-linear" },
        .. Adapter == "QLoRA" ? ["--load_in_4bit", "true", "--use_bnb_nested_quant", "true"] : Array.Empty<string>(),
        .. Bf16 ? ["--bf16", "true"] : Array.Empty<string>(),
        .. RecomputeEvery > 0 ? ["--gradient_checkpointing", "true", "--gradient_checkpointing_every", Values[5]] : Array.Empty<string>(),
        .. State switch
        {
            "rmsprop" => ["--optim", "rmsprop"],
            "host" => ["--optim_state_device", "host"],
            "bf16 moments" => ["--optim_state_dtype", "bfloat16"],
            _ => Array.Empty<string>(),
        },
    ];

    public override string ToString() => string.Join(" ", Values.Where(value => value.Length > 0));
}

/// <summary>The ways to train that there are, and few of them in which every choice of some options occurs.</summary>
internal static class Modes
{
    /// <summary>Stage, layout, reference, what learns, precision, recomputation, optimizer state.</summary>
    public static readonly string[][] Options =
    [
        ["sft", "dpo"], ["", "separate", "concatenated", "shared_prefix"], ["", "frozen", "cached", "adapter"], ["full", "LoRA", "QLoRA"], ["fp32", "bf16"], ["0", "1", "2"],
        ["adamw", "rmsprop", "host", "bf16 moments"],
    ];

    /// <summary>All combinations that mean something: layout and reference are dpo's, and an adapter that is switched off must be there.</summary>
    public static IReadOnlyList<Mode> All { get; } =
    [
        .. Options.Aggregate((IEnumerable<string[]>)[[]], (modes, values) => modes.SelectMany(mode => values.Select(value => (string[])[.. mode, value])))
            .Select(values => new Mode(values))
            .Where(mode => (mode.Stage == "dpo") == (mode.Layout.Length > 0) && (mode.Stage == "dpo") == (mode.Reference.Length > 0) && (mode.Reference != "adapter" || mode.Adapter != "full")),
    ];

    /// <summary>Few modes, in which whatever values of so many options go together in any mode do so in one of these.</summary>
    public static IReadOnlyList<Mode> Covering(int options)
    {
        var choices = All.Select(mode => (Mode: mode, Choices: Choices(mode, options).ToList())).ToList();
        var open = choices.SelectMany(entry => entry.Choices).ToHashSet();
        List<Mode> taken = [];
        while (open.Count > 0)
        {
            var next = choices.MaxBy(entry => entry.Choices.Count(open.Contains));
            taken.Add(next.Mode);
            open.ExceptWith(next.Choices);
        }
        return taken;
    }

    /// <summary>The values of every so many options of a mode, as words.</summary>
    public static IEnumerable<string> Choices(Mode mode, int options) => Subsets(Options.Length, options).Select(places => string.Join('|', places.Select(place => $"{place}={mode.Values[place]}")));

    private static IEnumerable<int[]> Subsets(int of, int size) => size == 0 ? [[]]
        : Enumerable.Range(size - 1, of - size + 1).SelectMany(last => Subsets(last, size - 1).Select(subset => (int[])[.. subset, last]));
}
