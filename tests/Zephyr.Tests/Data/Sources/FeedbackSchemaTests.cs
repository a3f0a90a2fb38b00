using Zephyr.Data;
using Zephyr.Data.Sources;

namespace Zephyr.Tests.Data.Sources;

public sealed class FeedbackSchemaTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Answers_keep_their_order_and_all_their_fields()
    {
        var prompt = Parse("""
            {"source": "flan", "instruction": "Q", "completions": [{"model": "m", "response": "A", "score": 2}, {"response": null}]}
            """);
        Assert.Equal("Q", prompt.Prompt);
        Assert.Equal([("m", "A"), ("unknown", "")], prompt.Completions.Select(completion => (completion.Model, completion.Response)));
        Assert.Equal(2L, prompt.Completions[0].Fields["score"]);
    }

    [Fact]
    public void A_prompt_without_answers_is_a_row_like_any_other() =>
        Assert.Empty(Parse("""{"instruction": "Q", "completions": []}""").Completions);

    [Theory]
    [InlineData("""{"instruction": null, "completions": []}""", "instruction", "null", "a text")]
    [InlineData("""{"instruction": "Q", "completions": "A"}""", "completions", "the text \"A\"",
        "a list of completions {response, model, a score}")]
    [InlineData("""{"instruction": "Q", "completions": ["A"]}""", "completions[0]", "the text \"A\"",
        "a completion {response, model, a score}")]
    [InlineData("""{"instruction": "Q", "completions": [{"text": "A"}]}""", "completions[0].response", "no such field (text)", "a text")]
    public void A_bad_field_is_named_with_its_path(string row, string field, string found, string expected) =>
        Assert.Equal($"{_folder.Path}/rows.jsonl, line 1, field '{field}': found {found}, expected {expected}",
            Assert.Throws<BadRowException>(() => Parse(row)).Message);

    private ScoredPrompt Parse(string row) => FeedbackSchema.Read([_folder.Write("rows.jsonl", row)]).Single();
}
