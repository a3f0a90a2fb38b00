using System.Text.Json;
using System.Text.Json.Nodes;
using Zephyr.Configuration;
using Zephyr.Data.Sources;
using Zephyr.Feedback;
using Zephyr.Feedback.Audit;
using Zephyr.Feedback.Calls;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>What <see cref="AiFeedback.Run(ResolvedConfig{AifConfig}, ICallObserver, CancellationToken)"/> did.</summary>
/// <param name="Inputs">The files that were read.</param>
/// <param name="Files">The files that were written.</param>
/// <param name="Asked">What models were asked; null where it began at scores.</param>
/// <param name="Pairs">What went in, what came out and what was left out; null where it ended at answers.</param>
public sealed record AiFeedbackResult(IReadOnlyList<string> Inputs, IReadOnlyList<string> Files, AskingAudit? Asked, FeedbackAudit? Pairs)
{
    /// <summary>What could not be had of what models were asked, with where the reasons stand; null where all was had.</summary>
    public string? Missing => Asked is { } asked && asked.FailedAnswers + asked.FailedJudgments > 0
        ? $"{asked.FailedAnswers} answers could not be had, {asked.FailedJudgments} questions to the judge came to nothing; {AskedFiles.Why(Files)}; the same command with overwrite_output_dir: true makes only "
            + "those calls again that failed for a reason that may pass (retry_failed)"
        : null;

    /// <summary>The audit of a run that made pairs.</summary>
    public FeedbackAudit Audit => Pairs ?? throw new InvalidOperationException("the run ended at answers");
}

/// <summary>What <see cref="AiFeedback.Run(ResolvedConfig{AifConfig}, ICallObserver, CancellationToken)"/> would do.</summary>
/// <param name="Inputs">The files that are read.</param>
/// <param name="Pairs">What goes in and what comes out, its split into training and test pairs not made yet; null where models are to be asked first.</param>
/// <param name="TestPrompts">Prompts whose pairs would be for testing.</param>
/// <param name="OutputDir">Where the pairs would go.</param>
/// <param name="Asking">What models would be asked; null where it begins at scores.</param>
public sealed record AiFeedbackPlan(IReadOnlyList<string> Inputs, FeedbackAudit? Pairs, int TestPrompts, string OutputDir, AskingPlan? Asking)
{
    /// <summary>The audit of a run that begins at scores.</summary>
    public FeedbackAudit Audit => Pairs ?? throw new InvalidOperationException("models are asked first");

    /// <summary>Rows that are left out because they cannot be used: their number by reason, and the first of them.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>
/// AIF, the second step of the recipe: several models answer each prompt and a teacher scores the answers; the best one is chosen, a sampled lower-scored one is rejected. It begins at
/// prompts, at answers or at scores.
/// </summary>
public static class AiFeedback
{
    private const string AuditName = "audit.json", WhatHelps = "; expected at least one prompt whose answers differ in score (keys: score, ties, rejected, min_margin)";

    /// <inheritdoc cref="Run(ResolvedConfig{AifConfig}, ICallObserver, CancellationToken)"/>
    public static AiFeedbackResult Run(ResolvedConfig<AifConfig> resolved, CancellationToken cancel = default) => Run(resolved, SilentCalls.Instance, cancel);

    /// <summary>
    /// Makes preference pairs: <c>train_prefs.*</c>, <c>test_prefs.*</c> and <c>audit.json</c>; where models are asked also <c>completions.jsonl</c>, <c>failures.jsonl</c> and the journal
    /// <c>calls.jsonl</c>, which is there from the first call on and is never removed.
    /// </summary>
    /// <param name="resolved">A valid configuration with the origin of its values.</param>
    /// <param name="observer">Who watches the calls.</param>
    /// <param name="cancel">Stops between two rows or calls; nothing but the journal is left behind then.</param>
    /// <exception cref="UserErrorException">Bad input, an output folder that holds a run, or no pair left of scores that were given.</exception>
    /// <exception cref="RunFailedException">
    /// The files could not be written, a cap on calls was reached, a model refused all calls, or no pair is left of what models were asked: then answers and failures are written.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static AiFeedbackResult Run(ResolvedConfig<AifConfig> resolved, ICallObserver observer, CancellationToken cancel = default)
    {
        var config = resolved.Value;
        var (clock, begun) = (TimeProvider.System, TimeProvider.System.GetTimestamp());
        var started = RunHistory.At(clock.GetUtcNow());
        // Before the folder is touched: what cannot work leaves nothing behind.
        var evaluation = EvaluationSets.Of(config.Audit);
        var asking = config.Source.AsksModels ? new FeedbackAsking(config, evaluation, cancel) : null;
        var inputs = asking?.Inputs ?? DataFiles.Resolve(config.Source.Feedback);
        using var output = new StagedOutput(config.Run);
        try
        {
            // The pages before and behind this one are plain code that waits.
            var asked = asking?.Run(output.PathOf, observer, cancel).GetAwaiter().GetResult();
            if (asked is not null && config.Source.Judge is null)
            {
                File.WriteAllText(output.PathOf(AuditName), asked.ToJson());
                return asked.Answers > 0 ? new(inputs, Commit(""), asked, null) : throw new RunFailedException(NoAnswers(asked, Commit("no answer could be had"), config.Run.OutputDir));
            }
            var pairs = new PreferencePairs(config, evaluation);
            var audit = pairs.Write(asked is null ? inputs : [output.PathOf(AskedFiles.Completions)], output, cancel) with { Asking = asked };
            foreach (var note in pairs.Notes) observer.OnNote(note);
            if (audit.Pairs == 0 && asked is null) throw new UserErrorException(NoPairs(audit) + WhatHelps);
            File.WriteAllText(output.PathOf(AuditName), audit.ToJson());
            return audit.Pairs > 0 ? new(inputs, Commit(""), asked, audit) : throw new RunFailedException(NoPairs(audit, Commit(NoPairs(audit)), config.Run.OutputDir));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RunFailedException($"output_dir {config.Run.OutputDir}: the pairs could not be written: {error.Message}", error);
        }

        IReadOnlyList<string> Commit(string failure)
        {
            var record = RunRecord.Create("aif", resolved.ToJson(), config.Run.Seed, [.. asking?.AllFiles ?? inputs, .. evaluation?.Files ?? []], new());
            var part = new JsonObject
            {
                ["outcome"] = failure.Length == 0 ? "finished" : $"failed: {failure}",
                ["started"] = started,
                ["ended"] = RunHistory.At(clock.GetUtcNow()),
                ["seconds"] = Math.Round(clock.GetElapsedTime(begun).TotalSeconds, 3),
            };
            record["parts"] = new JsonArray(part);
            RunRecord.Write(output.PathOf(OutputFolder.RecordName), record);
            return output.Commit(last: AuditName);
        }
    }

    /// <summary>Reads every row, and where it begins at scores judges it, as <see cref="Run(ResolvedConfig{AifConfig}, ICallObserver, CancellationToken)"/> would; asks nobody and writes nothing.</summary>
    /// <param name="resolved">A valid configuration.</param>
    /// <param name="cancel">Stops between two rows.</param>
    /// <exception cref="UserErrorException">Bad input, an output folder that holds a run, or no pair left.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static AiFeedbackPlan Plan(ResolvedConfig<AifConfig> resolved, CancellationToken cancel = default)
    {
        var config = resolved.Value;
        var evaluation = EvaluationSets.Of(config.Audit);
        if (config.Source.AsksModels)
        {
            var asking = new FeedbackAsking(config, evaluation, cancel);
            StagedOutput.RequireFree(config.Run);
            return new(asking.Inputs, null, 0, config.Run.OutputDir, asking.Estimate(cancel)) { Notes = asking.Notes };
        }
        var inputs = DataFiles.Resolve(config.Source.Feedback);
        StagedOutput.RequireFree(config.Run);
        var pairs = new PreferencePairs(config, evaluation);
        var (audit, test) = pairs.Count(inputs, cancel);
        return audit.Pairs == 0 ? throw new UserErrorException(NoPairs(audit) + WhatHelps) : new(inputs, audit, test, config.Run.OutputDir, null) { Notes = pairs.Notes };
    }

    private static string NoPairs(FeedbackAudit audit) => $"no pair is left of {audit.Rows} prompts: {Counts(audit.DroppedPrompts)}"
        + (Counts(audit.DroppedCompletions) is { Length: > 0 } left ? $" (of {audit.Completions} answers: {left})" : "");

    private static string Counts<T>(IReadOnlyDictionary<T, int> dropped) => string.Join(", ", dropped.Where(drop => drop.Value > 0).Select(drop => $"{Snake($"{drop.Key}")} {drop.Value}"));

    private static string NoPairs(FeedbackAudit audit, IReadOnlyList<string> files, string outputDir)
    {
        var asked = audit.Asking!;
        var why = AskedFiles.Why(files) is { Length: > 0 } reasons ? $", {reasons}" : "";
        return $"{NoPairs(audit)}; of {asked.Answers + asked.FailedAnswers} answers {asked.FailedAnswers} could not be had, and {asked.FailedJudgments} questions to the judge came to nothing{why}; "
            + $"all calls are kept in {outputDir}: the same command with overwrite_output_dir: true and other keys pays for none of them again";
    }

    private static string NoAnswers(AskingAudit asked, IReadOnlyList<string> files, string outputDir) =>
        $"none of {asked.FailedAnswers} answers to {asked.Prompts} prompts could be had, {AskedFiles.Why(files)}; {AgainOf(outputDir)}";

    /// <summary>How what failed is asked for again once a run has ended.</summary>
    private static string AgainOf(string outputDir) =>
        $"all calls are kept in {outputDir}: the same command with overwrite_output_dir: true makes only those again that failed for a reason that may pass (retry_failed)";

    /// <summary>The reason as audit.json calls it.</summary>
    private static string Snake(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}
