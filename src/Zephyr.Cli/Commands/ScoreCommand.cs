using System.CommandLine;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr score.</summary>
internal sealed record ScoreOptions
{
    [ConfigKey("model folder: config.json, *.safetensors", Required = true)]
    public string Model { get; init; } = "";

    [ConfigKey("JSON Lines file of {\"prompt_ids\": [...], \"completion_ids\": [...]}", Required = true)]
    public string Ids { get; init; } = "";

    [ConfigKey("one JSON document instead of a table")]
    public bool Json { get; init; }
}

/// <summary>zephyr score.</summary>
internal static class ScoreCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<ScoreOptions>(
        session, "score", "Log-probabilities of given token ids: sum and count of every completion.", "--model DIR --ids FILE [--json]", Run);

    // CALL SITE: scoring takes over here; results go to session.Console.Output.
    private static int Run(ScoreOptions options, CliSession session) =>
        throw new RunFailedException($"score is not wired yet (model {options.Model})");
}
