using Zephyr.Cli.Rendering;
using Zephyr.Feedback.Calls;
using Zephyr.Pipeline;
using Zephyr.Runtime;

namespace Zephyr.Cli.Commands;

/// <summary>What eval winrate and eval mtbench both do around what they ask.</summary>
internal static class JudgedCommand
{
    /// <param name="options">What both are told.</param>
    /// <param name="session">Console and cancellation.</param>
    /// <param name="what">What is counted: prompts, questions.</param>
    /// <param name="estimate">What --dry-run says.</param>
    /// <param name="run">Asks, and writes the results.</param>
    /// <param name="write">The report as tables.</param>
    /// <param name="failures">What could not be had, where there is no figure at all; null where there is one.</param>
    /// <exception cref="RunFailedException">There is no figure; the results, with their reasons, are written and shown all the same.</exception>
    public static int Run<TReport>(JudgedOptions options, CliSession session, string what, Func<JudgedEstimate> estimate,
        Func<ICallObserver, Func<object, string>, CancellationToken, Task<TReport>> run, Action<TReport> write, Func<TReport, IReadOnlyList<string>?> failures) where TReport : notnull
    {
        if (options.DryRun) return JudgedTables.Write(session.Console, estimate(), what, options);
        TReport report;
        using (var log = Logging.Create(options.OutputDir!))
        using (var calls = new CallConsole(session.Console, log, options.Quiet, TimeProvider.System))
            report = run(calls, JsonResult.TextOf, session.Cancellation).GetAwaiter().GetResult();
        if (options.Json) JsonResult.Write(session.Console.Output, report);
        else write(report);
        return failures(report) is { } all ? throw new RunFailedException(NoFigure(options.OutputDir!, all)) : ExitCodes.Done;
    }

    private static string NoFigure(string outputDir, IReadOnlyList<string> failures) =>
        $"there is no figure, as nothing was judged: {failures.Count} failed, the first with: {failures[0]}; {Path.Combine(outputDir, "judgments.jsonl")} says why, "
        + "and all calls are kept: the same command with another judge, rubrics or max_reasks pays for no answer again";
}
