using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Evaluation;
using Zephyr.Model.Weights;
using Zephyr.Pipeline;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr score.</summary>
internal sealed record ScoreOptions
{
    [ConfigKey("model folder: config.json, *.safetensors", Required = true)]
    public string Model { get; init; } = "";

    [ConfigKey("with an adapter folder: the plain model under it, where not the one that its adapter_config.json names")]
    public string? Base { get; init; }

    [ConfigKey("JSON Lines file of {\"prompt_ids\": [...], \"completion_ids\": [...]}", Required = true)]
    public string Ids { get; init; } = "";

    [ConfigKey("one JSON document instead of a table")]
    public bool Json { get; init; }

    public LoadOptions Loading { get; init; } = LoadOptions.Exact;
}

/// <summary>zephyr score.</summary>
internal static class ScoreCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<ScoreOptions>(
        session, "score", "Log-probabilities of given token ids: sum and count of every completion.", "--model DIR [--base DIR] --ids FILE [--device NAME] [--dtype float32|bfloat16] [--load_in_4bit] [--json]", Run);

    private static int Run(ScoreOptions options, CliSession session)
    {
        var source = ModelSource.Of(options.Model, options.Base);
        using var model = ModelLoading.Load(source, options.Loading);
        if (ModelLoading.Note(source, options.Loading) is { } note) session.Console.Error.WriteLine(PlainText.OneLine($"note: {note}"));
        var scores = CompletionScores.Of(model, TokenIdSchema.Read([options.Ids]).Until(session.Cancellation)).ToList();
        if (options.Json) JsonResult.Write(session.Console.Output, scores.Select(score => new { sum_logp = score.SumLogProb, tokens = score.Tokens }));
        else ResultTable.Write(session.Console.Results, [">row", ">sum_logp", ">tokens"],
            scores.Select((score, i) => new[] { $"{i + 1}", $"{score.SumLogProb:F4}", $"{score.Tokens}" }));
        return ExitCodes.Done;
    }
}
