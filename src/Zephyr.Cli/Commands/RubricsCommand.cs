using System.CommandLine;
using Zephyr.Configuration;
using Zephyr.Feedback.Generation;
using Zephyr.Feedback.Judging;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr rubrics.</summary>
internal sealed record RubricsOptions
{
    [ConfigKey("folder that receives rubrics/*.txt and principles/*.txt; files that are there already are not overwritten", Required = true)]
    public string OutputDir { get; init; } = "";
}

/// <summary>zephyr rubrics.</summary>
internal static class RubricsCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<RubricsOptions>(
        session, "rubrics", "Write the built-in questions to judges and principles of answers to a folder, to be edited.", "--output_dir DIR", Run);

    private static int Run(RubricsOptions options, CliSession session)
    {
        foreach (var file in RubricSet.WriteDefaults(Path.Combine(options.OutputDir, "rubrics")).Concat(PrincipleSet.WriteDefaults(Path.Combine(options.OutputDir, "principles"))))
            session.Console.Output.WriteLine(file);
        return ExitCodes.Done;
    }
}
