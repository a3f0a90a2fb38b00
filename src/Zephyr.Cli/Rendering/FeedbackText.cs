using Zephyr.Feedback;
using static Zephyr.Cli.Rendering.PlainText;

namespace Zephyr.Cli.Rendering;

/// <summary>Scored answers, and the pair that a prompt gives.</summary>
internal static class FeedbackText
{
    private const int Shown = 60;

    /// <param name="console">Where to.</param>
    /// <param name="outcomes">The prompts in the order of the rows.</param>
    /// <param name="start">The number of the first.</param>
    /// <param name="json">For other programs.</param>
    public static void Write(CliConsole console, IReadOnlyList<PairOutcome> outcomes, int start, bool json)
    {
        if (json)
        {
            JsonResult.Write(console.Output, outcomes.Select((outcome, i) => new
            {
                Number = start + i,
                outcome.Prompt.Location.File,
                Row = outcome.Prompt.Location.Number,
                outcome.Prompt.Prompt,
                LeftOut = outcome.Dropped is { } why ? Words($"{why}") : null,
                Answers = Answers(outcome).Select(answer => new { answer.Model, answer.Score, answer.Becomes, answer.Response }),
            }));
            return;
        }
        foreach (var (outcome, i) in outcomes.Select((outcome, i) => (outcome, i)))
        {
            console.Output.WriteLine(OneLine($"example {start + i}: {outcome.Prompt.Location}: "
                + (outcome.Pair is { } pair ? FormattableString.Invariant($"a pair with a margin of {pair.Margin}") : $"no pair: {Words($"{outcome.Dropped}")}")));
            console.Output.WriteLine(OneLine($"  {outcome.Prompt.Prompt}"));
            ResultTable.Write(console.Results, ["model", ">score", "becomes", "answer"], Answers(outcome).Select(answer => new[]
            {
                answer.Model, answer.Score is { } score ? FormattableString.Invariant($"{score}") : "-", answer.Becomes, Shorten(answer.Response),
            }));
        }
    }

    private static IEnumerable<(string Model, double? Score, string Becomes, string Response)> Answers(PairOutcome outcome)
    {
        var dropped = 0;
        foreach (var completion in outcome.Prompt.Completions)
        {
            var candidate = outcome.Candidates.FirstOrDefault(candidate => ReferenceEquals(candidate.Completion, completion));
            var becomes = candidate is null ? $"left out: {Words($"{outcome.DroppedAnswers[dropped++]}")}"
                : ReferenceEquals(candidate, outcome.Pair?.Chosen) ? "chosen"
                : ReferenceEquals(candidate, outcome.Pair?.Rejected) ? "rejected" : "";
            yield return (completion.Model, candidate?.Score, becomes, completion.Response);
        }
    }

    private static string Shorten(string text) => text.Length <= Shown ? text : text[..(Shown - 3)] + "...";
}
