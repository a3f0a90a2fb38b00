using System.Text.Json;
using System.Text.Json.Nodes;
using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Feedback;
using Zephyr.Feedback.Audit;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>What <see cref="AiFeedback.Run"/> did.</summary>
/// <param name="Inputs">The files that were read.</param>
/// <param name="Files">The files that were written.</param>
/// <param name="Audit">What went in, what came out and what was left out.</param>
public sealed record AiFeedbackResult(IReadOnlyList<string> Inputs, IReadOnlyList<string> Files, FeedbackAudit Audit);

/// <summary>What <see cref="AiFeedback.Run"/> would do.</summary>
/// <param name="Inputs">The files that are read.</param>
/// <param name="Audit">What goes in and what comes out; its split into training and test pairs is not made yet.</param>
/// <param name="TestPrompts">Prompts whose pairs would be for testing.</param>
/// <param name="OutputDir">Where the pairs would go.</param>
public sealed record AiFeedbackPlan(IReadOnlyList<string> Inputs, FeedbackAudit Audit, int TestPrompts, string OutputDir);

/// <summary>
/// AIF, the second step of the recipe: several models answered each prompt and a teacher scored the answers; the best one
/// is chosen, a sampled lower-scored one is rejected.
/// </summary>
public static class AiFeedback
{
    private const string AuditName = "audit.json";

    /// <summary>Turns scored answers into preference pairs: <c>train_prefs.*</c>, <c>test_prefs.*</c> and <c>audit.json</c>.</summary>
    /// <param name="resolved">A valid configuration with the origin of its values.</param>
    /// <param name="cancel">Stops between two rows; nothing is left behind then.</param>
    /// <exception cref="UserErrorException">Bad input, an output folder that holds a run, or no pair left.</exception>
    /// <exception cref="RunFailedException">The files could not be written.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static AiFeedbackResult Run(ResolvedConfig<AifConfig> resolved, CancellationToken cancel = default)
    {
        var config = resolved.Value;
        var (clock, begun) = (TimeProvider.System, TimeProvider.System.GetTimestamp());
        var started = RunHistory.At(clock.GetUtcNow());
        var inputs = DataFiles.Resolve(config.Aif.Feedback);
        using var output = new StagedOutput(config.Run);
        var evaluation = EvaluationSets.Of(config.Audit);
        var builder = new PairBuilder(config.Aif, config.Run.Seed, evaluation);

        // The rows are read twice rather than held: first to choose the test prompts among those that have a pair, which
        // also finds every bad row before anything is written, then to write.
        var prompts = Outcomes().Where(outcome => outcome.Pair is not null).Select(outcome => PromptKey.Of(outcome.Prompt.Prompt));
        var split = PromptSplit.Choose(prompts, config.Aif.TestFraction, config.Run.Seed);
        try
        {
            using var tally = new FeedbackTally(config.Audit, evaluation);
            var audit = Write(Outcomes(), split, config.Aif.Formats, output, tally);
            if (audit.Pairs == 0) throw new UserErrorException(NoPairs(audit));
            File.WriteAllText(output.PathOf(AuditName), audit.ToJson());
            var record = RunRecord.Create("aif", resolved.ToJson(), config.Run.Seed, [.. inputs, .. evaluation?.Files ?? []], new());
            record["parts"] = new JsonArray(new JsonObject
            {
                ["outcome"] = "finished",
                ["started"] = started,
                ["ended"] = RunHistory.At(clock.GetUtcNow()),
                ["seconds"] = Math.Round(clock.GetElapsedTime(begun).TotalSeconds, 3),
            });
            RunRecord.Write(output.PathOf(OutputFolder.RecordName), record);
            return new(inputs, output.Commit(last: AuditName), audit);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RunFailedException($"output_dir {config.Run.OutputDir}: the pairs could not be written: {error.Message}", error);
        }

        IEnumerable<PairOutcome> Outcomes() => FeedbackSchema.Read(inputs).Until(cancel).Select(builder.Build);
    }

    /// <summary>Reads and judges every row as <see cref="Run"/> would, and writes nothing.</summary>
    /// <param name="resolved">A valid configuration.</param>
    /// <param name="cancel">Stops between two rows.</param>
    /// <exception cref="UserErrorException">Bad input, an output folder that holds a run, or no pair left.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static AiFeedbackPlan Plan(ResolvedConfig<AifConfig> resolved, CancellationToken cancel = default)
    {
        var config = resolved.Value;
        var inputs = DataFiles.Resolve(config.Aif.Feedback);
        StagedOutput.RequireFree(config.Run);
        var evaluation = EvaluationSets.Of(config.Audit);
        using var tally = new FeedbackTally(config.Audit, evaluation);
        var (builder, prompts) = (new PairBuilder(config.Aif, config.Run.Seed, evaluation), new List<long>());
        foreach (var outcome in FeedbackSchema.Read(inputs).Until(cancel).Select(builder.Build))
        {
            tally.Add(outcome, isTest: false);
            if (outcome.Pair is not null) prompts.Add(PromptKey.Of(outcome.Prompt.Prompt));
        }
        var audit = tally.ToAudit();
        return audit.Pairs == 0
            ? throw new UserErrorException(NoPairs(audit))
            : new(inputs, audit, PromptSplit.Choose(prompts, config.Aif.TestFraction, config.Run.Seed).Count, config.Run.OutputDir);
    }

    private static FeedbackAudit Write(
        IEnumerable<PairOutcome> outcomes, PromptSplit split, IReadOnlyList<string> formats, StagedOutput output, FeedbackTally tally)
    {
        using var train = new PairFiles("train", formats, output.PathOf);
        using var test = new PairFiles("test", formats, output.PathOf);
        foreach (var outcome in outcomes)
        {
            var isTest = outcome.Pair is not null && split.Holds(outcome.Prompt.Prompt);
            tally.Add(outcome, isTest);
            if (outcome.Pair is { } pair) (isTest ? test : train).Add(pair);
        }
        train.Complete();
        test.Complete();
        return tally.ToAudit();
    }

    private static string NoPairs(FeedbackAudit audit) =>
        $"no pair is left of {audit.Rows} prompts: "
        + string.Join(", ", audit.DroppedPrompts.Where(drop => drop.Value > 0).Select(drop => $"{Snake($"{drop.Key}")} {drop.Value}"))
        + "; expected at least one prompt whose answers differ in score (keys: score, ties, rejected, min_margin)";

    /// <summary>The reason as audit.json calls it.</summary>
    private static string Snake(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}
