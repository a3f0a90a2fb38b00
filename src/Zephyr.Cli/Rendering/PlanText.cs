using System.Globalization;
using Zephyr.Configuration;
using Zephyr.Feedback.Calls;
using Zephyr.Pipeline;
using static Zephyr.Cli.Rendering.PlainText;

namespace Zephyr.Cli.Rendering;

/// <summary>What --dry-run found, as lines for people.</summary>
internal static class PlanText
{
    /// <summary>A training run.</summary>
    public static IEnumerable<string> Of(RunPlan plan) =>
    [
        $"{plan.Stage} --dry-run: everything up to the first step was done, and nothing was written.",
        "",
        Line("training files", Names(plan.Files.Train)),
        .. plan.Files.Held.Count > 0 ? [Line("held-out files", Names(plan.Files.Held))] : Array.Empty<string>(),
        Line("model", ModelOf(plan.Model)),
        .. plan.Model.Reference is { } reference ? [Line("reference", reference)] : Array.Empty<string>(),
        Line("steps", StepsOf(plan)),
        Line("micro-batches", plan.Steps.MicroBatches.PerStep),
        Line("learning rate", RatesOf(plan.Steps)),
        Line("evaluations", plan.Rows.Held.Count == 0 ? "none: no rows are held out" : $"{plan.Steps.Evaluations}"),
        Line("checkpoints", CheckpointsOf(plan.Disk)),
        Line("output", OutputOf(plan.Disk)),
        "",
        .. Columns(
            [
                ["rows", plan.Rows.Unit, "tokens", "labels", "longest"],
                Row("training", plan.Rows.Train),
                .. plan.Rows.Held.Count > 0 ? [Row("held out", plan.Rows.Held)] : Array.Empty<string[]>(),
            ]),
        "",
        .. Columns([["memory", "bytes"], .. plan.Memory.Plan.Terms.Select(term => new[] { term.Name, Bytes(term.Bytes) }), ["in all", Bytes(plan.Memory.Plan.Total)]]),
        MemoryText.Verdict(plan.Memory),
        $"a micro-batch has at most {Whole(plan.Steps.MicroBatches.MostTokens)} tokens; the steps ahead take {MemoryText.Operations(plan.Cost.Operations)}",
        "",
        .. plan.Notes,
    ];

    /// <summary>A run of aif.</summary>
    public static IEnumerable<string> Of(AiFeedbackPlan plan)
    {
        if (plan.Asking is { } asking) return [.. Of(plan, asking), .. Notes(plan)];
        var audit = plan.Audit;
        return
        [
            "aif --dry-run: every row was read and judged, and nothing was written.",
            "",
            Line("files", Names(plan.Inputs)),
            Line("output", plan.OutputDir),
            "",
            .. Columns(
                [
                    ["", "count"],
                    ["prompts read", Whole(audit.Rows)],
                    ["answers read", Whole(audit.Completions)],
                    ["pairs", Whole(audit.Pairs)],
                    ["prompts for testing", Whole(plan.TestPrompts)],
                    .. audit.DroppedPrompts.Where(drop => drop.Value > 0).Select(drop => new[] { $"prompt without a pair: {Words($"{drop.Key}")}", Whole(drop.Value) }),
                    .. audit.DroppedCompletions.Where(drop => drop.Value > 0).Select(drop => new[] { $"answer left out: {Words($"{drop.Key}")}", Whole(drop.Value) }),
                ]),
            .. Notes(plan),
        ];
    }

    private static IEnumerable<string> Notes(AiFeedbackPlan plan) => plan.Notes.Count > 0 ? ["", .. plan.Notes.Select(OneLine)] : [];

    /// <summary>A run of aif that asks models.</summary>
    private static IEnumerable<string> Of(AiFeedbackPlan plan, AskingPlan asking)
    {
        var ahead = asking.Models.Aggregate(CallUsage.None, (sum, model) => sum + model.Ahead);
        var all = asking.Spent + ahead;
        return
        [
            "aif --dry-run: every prompt was read, and nothing was sent or written.",
            "",
            Line("prompts", $"{Whole(asking.Prompts)} of {Names(plan.Inputs)}"),
            Line("output", plan.OutputDir),
            Line("paid for so far", $"{Several(asking.Spent.Calls, "call")}, {Several(asking.Spent.Tokens, "token")}, a cost of {Money(asking.Spent.Cost)} ({asking.Journal})"),
            "",
            .. Columns(
                [
                    ["calls ahead", "calls", "answered before", "prompt tokens, about", "answer tokens, at most", "cost, at most"],
                    .. asking.Models.Select(model => Estimate($"{model.Role} {model.Model}", model.Answered, model.Ahead)),
                    Estimate("in all", asking.Models.Sum(model => model.Answered), ahead),
                ]),
            "",
            "prompt tokens are estimated at four bytes a token; an answer that is not there yet counts as long as it may be",
            .. Remarks(asking.Reasks, asking.Budget, all),
            .. asking.Missing,
        ];
    }

    /// <summary>What may come on top of an estimate, and which caps it may reach.</summary>
    /// <param name="reasks">How often a judge may be asked again; 0 without one.</param>
    /// <param name="budget">The caps.</param>
    /// <param name="all">What is spent and what is ahead.</param>
    public static IEnumerable<string> Remarks(int reasks, BudgetOptions budget, CallUsage all)
    {
        if (reasks > 0) yield return $"a judge whose answer cannot be read is asked again, up to {Several(reasks, "time")}: that comes on top";
        if (budget.MaxCalls > 0 && all.Calls > budget.MaxCalls) yield return $"max_calls {Whole(budget.MaxCalls)} STOPS THE RUN before its end: it takes {Whole(all.Calls)} calls";
        if (budget.MaxTokensTotal > 0 && all.Tokens > budget.MaxTokensTotal) yield return $"max_tokens_total {Whole(budget.MaxTokensTotal)} MAY STOP THE RUN before its end: it takes up to {Whole(all.Tokens)} tokens";
        if (budget.MaxCost > 0 && all.Cost > (decimal)budget.MaxCost) yield return $"max_cost {Money((decimal)budget.MaxCost)} MAY STOP THE RUN before its end: it costs up to {Money(all.Cost)}";
    }

    private static string[] Estimate(string name, long answered, CallUsage ahead) =>
        [name, Whole(ahead.Calls), Whole(answered), Whole(ahead.PromptTokens), Whole(ahead.CompletionTokens), Money(ahead.Cost)];

    private static string ModelOf(ModelPlan model) =>
        $"{model.Path}: {Whole(model.Parameters)} parameters{(model.Frozen > 0 ? $" that learn beside {Whole(model.Frozen)} that do not" : "")}, {model.Precision} on {model.Device}";

    private static string StepsOf(RunPlan plan)
    {
        var steps = plan.Steps;
        var resumed = plan.Model.Checkpoint is null ? "" : $", of which {Whole(steps.Start)} were taken before {plan.Model.Checkpoint}";
        return $"{Whole(steps.Total)}{resumed}: {Whole(steps.PerEpoch)} an epoch of up to {Whole(steps.RowsPerStep)} {plan.Rows.Unit} each, "
            + string.Create(CultureInfo.InvariantCulture, $"{steps.Epochs:0.##} epoch{(steps.Epochs == 1 ? "" : "s")}");
    }

    private static string RatesOf(StepPlan steps)
    {
        string[] points =
        [
            .. steps.Warmup > 0 ? [$"{Rate(steps.FirstRate)} at step 1"] : Array.Empty<string>(),
            $"{Rate(steps.PeakRate)} at step {Whole(steps.PeakStep)}{(steps.Warmup > 0 ? $" (after {Several(steps.Warmup, "warmup step")})" : "")}",
            .. steps.Total > steps.PeakStep ? [$"{Rate(steps.LastRate)} at step {Whole(steps.Total)}"] : Array.Empty<string>(),
        ];
        return string.Join(", ", points);
    }

    private static string CheckpointsOf(DiskPlan disk)
    {
        if (disk.Checkpoints.Count == 0) return "none";
        var steps = disk.Checkpoints.Count <= 6 ? string.Join(", ", disk.Checkpoints.Select(step => Whole(step)))
            : $"{string.Join(", ", disk.Checkpoints.Take(3).Select(step => Whole(step)))}, ... {Whole(disk.Checkpoints[^1])}";
        return $"{Whole(disk.Checkpoints.Count)}, after step {steps}: {Bytes(disk.CheckpointBytes)} each, "
            + (disk.Kept == disk.Checkpoints.Count ? "all kept" : $"the last {Whole(disk.Kept)} kept");
    }

    private static string OutputOf(DiskPlan disk) => $"{disk.OutputDir}: a model of {Bytes(disk.ModelBytes)}, at most {Bytes(disk.Needed)} in all"
        + (!disk.Fits ? $", MORE THAN THE {Bytes(disk.Free!.Value)} THAT ARE FREE" : "");

    private static string[] Row(string side, RowCount count) => [side, Whole(count.Count), Whole(count.Tokens), Whole(count.Labels), Whole(count.Longest)];

    private static string Names(IReadOnlyList<string> files) =>
        files.Count <= 4 ? string.Join(", ", files) : $"{string.Join(", ", files.Take(3))} and {files.Count - 3} more";

    private static string Rate(double rate) => rate == 0 ? "0" : Metric("learning_rate", rate);

    private static string Line(string name, string value) => $"{name,-15}  {value}";

    /// <summary>Cells under each other: the first column to the left, numbers to the right.</summary>
    private static IEnumerable<string> Columns(IReadOnlyList<string[]> rows)
    {
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToList();
        return rows.Select(row => string.Join("  ", row.Select((cell, i) => i == 0 ? cell.PadRight(Math.Max(15, widths[0])) : cell.PadLeft(widths[i]))).TrimEnd());
    }
}
