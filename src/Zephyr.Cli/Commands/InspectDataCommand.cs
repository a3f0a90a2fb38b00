using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;
using static Zephyr.Configuration.Check;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr inspect data.</summary>
internal sealed record InspectDataOptions : IOptionGroup
{
    [ConfigKey("YAML file with the keys of a stage")]
    public string? Config { get; init; }

    [ConfigKey("whose keys they are: sft, aif or dpo; the keys themselves say it, where they are not shared by two")]
    public string? Stage { get; init; }

    [ConfigKey("how many examples")]
    public int Rows { get; init; } = 3;

    [ConfigKey("the first one, from 1; of packed blocks, the block")]
    public int Start { get; init; } = 1;

    [ConfigKey("one JSON document instead of text")]
    public bool Json { get; init; }

    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. Stage is null ? [] : OneOf("stage", Stage, "sft", "aif", "dpo"),
        .. AtLeast("rows", Rows, 1),
        .. AtLeast("start", Start, 1),
    ];
}

/// <summary>zephyr inspect data.</summary>
internal static class InspectDataCommand
{
    private static readonly ConfigSchema Own = ConfigSchema.Of<InspectDataOptions>();

    public static Command Create(CliSession session)
    {
        var command = new SchemaCommand("data", "The first examples as the trainer sees them: every token with who says it and whether the loss asks for it.",
            "--config FILE [--KEY VALUE]... [--rows N] [--start K] [--stage sft|aif|dpo] [--json]", Own)
            .Borrow(ConfigSchema.Of<SftConfig>(), ConfigSchema.Of<AifConfig>(), ConfigSchema.Of<DpoConfig>());
        command.SetAction(parsed => Run(KeyOption.Collect(parsed, Own), KeyOption.CollectBeside(parsed, Own), ParseErrors.OfArguments(parsed), session));
        return command;
    }

    private static int Run(IReadOnlyList<ConfigOverride> own, IReadOnlyList<ConfigOverride> keys, IReadOnlyList<LocatedProblem> usage, CliSession session)
    {
        var options = ConfigReader.Read<InspectDataOptions>(null, own, usage).Value;
        var range = new ExampleRange(options.Start, options.Rows);
        switch (options.Stage ?? StageOfKeys.Find("inspect data", options.Config, keys))
        {
            case "aif":
                var config = Read<AifConfig>();
                FeedbackText.Write(session.Console, DataInspection.OfFeedback(config, range, session.Cancellation), range.Start, options.Json);
                return ExitCodes.Done;
            case "dpo":
                return Write(DataInspection.OfPairs(Read<DpoConfig>(), range, session.Cancellation));
            default:
                return Write(DataInspection.OfConversations(Read<SftConfig>(), range, session.Cancellation));
        }

        T Read<T>() where T : class, new() => ConfigReader.Read<T>(options.Config, [.. keys, .. OutputDir<T>()]).Value;

        int Write(IReadOnlyList<InspectedExample> examples)
        {
            if (options.Json) JsonResult.Write(session.Console.Output, ExampleJson.Of(examples));
            else ExampleText.Write(session.Console, examples);
            return ExitCodes.Done;
        }

        // Nothing is written, so nobody has to say where to.
        IEnumerable<ConfigOverride> OutputDir<T>() where T : class, new() =>
            StageOfKeys.Names(options.Config, keys).Contains("output_dir") ? [] : [new("output_dir", "-")];
    }
}
