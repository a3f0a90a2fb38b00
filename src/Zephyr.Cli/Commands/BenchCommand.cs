using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Evaluation.Speed;
using Zephyr.Runtime;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr bench sft.</summary>
internal sealed record SftBenchOptions : IOptionGroup
{
    public BenchOptions Bench { get; init; } = new();

    public LoraOptions Lora { get; init; } = new();

    [ConfigKey("tokens of a block: prompts and chosen answers end to end, cut")]
    public int MaxSeqLength { get; init; } = 512;

    public IEnumerable<ConfigProblem> Validate() => [.. Check.AtLeast("max_seq_length", MaxSeqLength, 2), .. Bench.CheckWith(Lora)];
}

/// <summary>The options of zephyr bench dpo.</summary>
internal sealed record DpoBenchOptions : IOptionGroup
{
    public BenchOptions Bench { get; init; } = new();

    public LoraOptions Lora { get; init; } = new();

    [ConfigKey("beta of the DPO loss")]
    public double Beta { get; init; } = 0.1;

    [ConfigKey("frozen (a second model, two of the four forward passes), cached (computed before the clock starts), adapter (with use_peft: the adapter off)")]
    public string Reference { get; init; } = "frozen";

    [ConfigKey("leave out the adapter's lora_dropout, as dpo does")]
    public bool DisableDropout { get; init; } = true;

    [ConfigKey("separate, concatenated, shared_prefix")]
    public string PairLayout { get; init; } = "separate";

    public IEnumerable<ConfigProblem> Validate()
    {
        var dpo = new DpoOptions { Beta = Beta, Reference = Reference, PairLayout = PairLayout };
        return [.. dpo.Validate(), .. StageChecks.AdapterReference(dpo, Lora), .. Bench.CheckWith(Lora)];
    }
}

/// <summary>zephyr bench: training steps on given token ids against the clock, beside the machine's own rate of matrix products.</summary>
internal static class BenchCommand
{
    private const string Usage = "(--size NAME | --model DIR) --pairs FILE [--KEY VALUE]... [--steps N] [--warm N] [--json]";

    public static Command Create(CliSession session) =>
        new("bench", "Times training steps on given token ids, and says which share of the machine's matrix products they reach.")
        {
            SchemaCommand.OfOptions<SftBenchOptions>(session, "sft", "SFT on packed blocks of real tokens, loss on all of them.", Usage, Sft),
            SchemaCommand.OfOptions<DpoBenchOptions>(session, "dpo", "DPO on pairs, in the order of the file.", Usage, Dpo),
        };

    private static int Sft(SftBenchOptions options, CliSession session)
    {
        var settings = options.Bench.Settings(options.Lora, dropout: true, out var pairs, session.Cancellation);
        var blocks = Blocks(pairs, options.MaxSeqLength).ToList();
        if (blocks.Count == 0) throw new UserErrorException($"{options.Bench.Pairs}: its tokens do not fill a block of max_seq_length {options.MaxSeqLength}");
        var result = Benchmark.Sft(settings, blocks, session.Cancellation);
        BenchTable.Write(session.Console, options.Bench, settings, new("sft", 0, result));
        return ExitCodes.Done;
    }

    private static int Dpo(DpoBenchOptions options, CliSession session)
    {
        var settings = options.Bench.Settings(options.Lora, !options.DisableDropout, out var pairs, session.Cancellation);
        var result = Benchmark.Dpo(settings, new() { Beta = options.Beta, Reference = options.Reference, PairLayout = options.PairLayout }, pairs, session.Cancellation);
        BenchTable.Write(session.Console, options.Bench, settings, new("dpo", result.RowsPerSecond, result) { PairLayout = options.PairLayout, Reference = options.Reference });
        return ExitCodes.Done;
    }

    private static IEnumerable<TokenSequence> Blocks(IEnumerable<TokenizedPair> pairs, int length) =>
        pairs.SelectMany(pair => (int[])[.. pair.PromptIds, .. pair.ChosenIds]).Chunk(length).Where(block => block.Length == length).Select(block => new TokenSequence(block));
}
