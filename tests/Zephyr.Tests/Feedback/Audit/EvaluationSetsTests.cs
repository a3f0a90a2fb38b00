using Zephyr.Configuration;
using Zephyr.Feedback;
using Zephyr.Feedback.Audit;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback.Audit;

public sealed class EvaluationSetsTests : IDisposable
{
    private const string Question = "Compose an engaging travel blog post about a recent trip to Hawaii, highlighting cultural experiences.";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("drop", 1, 2)]
    [InlineData("report", 3, 0)]
    public void Prompts_that_occur_in_an_evaluation_set_are_dropped_or_told(string what, int pairs, int dropped)
    {
        var result = Run(new() { Decontaminate = [Questions()], OnContaminated = what });
        Assert.Equal((pairs, dropped), (result.Audit.Pairs, result.Audit.DroppedPrompts[PromptDrop.InEvaluationSet]));
        Assert.Equal((3, 2), (result.Audit.Contamination!.EvaluationTexts, result.Audit.Contamination.Prompts));
        Assert.Equal(new[] { new ContaminatedPrompt(PromptId.Of("WHAT is 2+2"), "questions.jsonl, line 2, question"), new(PromptId.Of($"Please: {Question}"), "questions.jsonl, line 1, turns[0]") }.OrderBy(prompt => prompt.PromptId, StringComparer.Ordinal),
            result.Audit.Contamination.First);
        Assert.Contains("questions.jsonl", File.ReadAllText(_folder.PathOf("out/run.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Where_none_is_named_nothing_is_said_of_them() => Assert.Null(Run(new()).Audit.Contamination);

    [Fact]
    public void Near_duplicates_are_not_looked_for_where_that_is_not_asked_for() => Assert.Null(Run(new() { NearDuplicates = 0 }).Audit.Duplicates);

    [Fact]
    public void A_set_without_a_text_is_named()
    {
        var file = _folder.Write("empty.jsonl", """{"question": "?"}""");
        Assert.Equal($"decontaminate: {file}: found no text with a word in it, expected evaluation texts",
            Assert.Throws<UserErrorException>(() => Run(new() { Decontaminate = [file] })).Message);
    }

    [Fact]
    public void Options_that_mean_nothing_are_refused() =>
        Assert.Equal(
            [
                new("near_duplicates", "must be 0, or from 0.5 to 1 (was 0.3)"), new("decontaminate_fields", "belongs to decontaminate, which is not given"),
                new("decontaminate_ngram", "must be at least 3 (was 2)"), new("on_contaminated", "must be drop or report (was keep)"),
            ],
            new AuditOptions { NearDuplicates = 0.3, DecontaminateFields = ["q"], DecontaminateNgram = 2, OnContaminated = "keep" }.Validate());

    private string Questions() => _folder.Write("questions.jsonl", $$"""
        {"question_id": 81, "turns": ["{{Question}}", "Rewrite it so that every sentence begins with the letter A."]}
        {"question": "What is 2 + 2?"}
        """);

    private AiFeedbackResult Run(AuditOptions audit)
    {
        var feedback = _folder.Write("feedback.jsonl", string.Join('\n', new[] { $"Please: {Question}", "WHAT is 2+2", "Tell me what is 2+2 and why." }.Select(prompt =>
            $$"""{"instruction": "{{prompt}}", "completions": [{"model": "a", "response": "A", "overall_score": 5}, {"model": "b", "response": "B", "overall_score": 4}]}""")));
        return AiFeedback.Run(new(new() { Source = new() { Feedback = [feedback] }, Aif = new() { TestFraction = 0 }, Audit = audit, Run = new() { OutputDir = _folder.PathOf("out") } }, []),
            TestContext.Current.CancellationToken);
    }
}
