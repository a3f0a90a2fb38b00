using System.Text.Json;
using Zephyr.Data;
using Zephyr.Data.Sources;

namespace Zephyr.Tests.Data.Sources;

public sealed class PreferenceSchemaTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // A message list is written "u:Q a:A", a text "=text".
    [Theory]
    [InlineData("=Q", "=A", "=B", "user:Q | assistant:A | assistant:B")]
    [InlineData("s:S u:Q", "=A", "=B", "system:S user:Q | assistant:A | assistant:B")]
    [InlineData("u:Q", "a:A", "a:B", "user:Q | assistant:A | assistant:B")]
    [InlineData("=Q", "a:A", "a:B", "user:Q | assistant:A | assistant:B")]
    [InlineData("=Q", "u:Q a:A", "u:Q a:B", "user:Q | assistant:A | assistant:B")]
    [InlineData("u:Q", "u:Q a:A", "u:Q a:B", "user:Q | assistant:A | assistant:B")]
    [InlineData("s:S", "u:Q a:A", "u:Q a:B", "system:S user:Q | assistant:A | assistant:B")]
    [InlineData("s:S u:Q", "u:Q a:A", "u:Q a:B", "system:S user:Q | assistant:A | assistant:B")]
    [InlineData("=R", "u:Q a:A u:R a:A", "u:Q a:A u:R a:B", "user:Q assistant:A user:R | assistant:A | assistant:B")]
    [InlineData("=Q\n", "u:Q a:A", "u:Q a:B", "user:Q | assistant:A | assistant:B")]
    [InlineData(null, "u:Q a:A", "u:Q a:B", "user:Q | assistant:A | assistant:B")]
    [InlineData(null, "s:S u:Q a:A u:R a:A2", "s:S u:Q a:A u:R a:B2", "system:S user:Q assistant:A user:R | assistant:A2 | assistant:B2")]
    [InlineData(null, "u:Q a:A", "u:Q a:A", "user:Q | assistant:A | assistant:A")]
    [InlineData(null, "u:Q a:A u:R a:B", "u:Q a:A u:S a:B", "user:Q | assistant:A user:R assistant:B | assistant:A user:S assistant:B")]
    [InlineData(null, "u:Q a:A u:R a:B", "u:Q a:C", "user:Q | assistant:A user:R assistant:B | assistant:C")]
    public void Prompt_and_answers_are_told_apart(string? prompt, string chosen, string rejected, string expected)
    {
        var pair = Parse(Row(prompt, chosen, rejected));
        Assert.Equal(expected, $"{Show(pair.Prompt)} | {Show(pair.Chosen)} | {Show(pair.Rejected)}");
    }

    [Theory]
    [InlineData(null, "=A", "=B", "prompt", "null", "a text or messages, as chosen starts with the answer")]
    [InlineData("a:Q", "=A", "=B", "prompt", "a prompt that ends with assistant", "a prompt that ends with a user turn")]
    [InlineData(null, "u:Q a:A", "u:R a:B", "chosen", "lists that share no leading user turn",
        "chosen and rejected to start with the same prompt")]
    [InlineData(null, "u:Q a:A u:R", "u:Q a:B", "chosen[2].role", "the text \"user\"", "an answer that ends with an assistant turn")]
    [InlineData("=Q", "a:A", "u:Q a:B", "rejected[0].role", "the text \"user\"",
        "the assistant's answer after the prompt that chosen and rejected share")]
    [InlineData("=R", "u:Q a:A", "u:Q a:B", "prompt", "the text \"R\", which chosen and rejected do not start with", "the text of a user turn that they share")]
    [InlineData("u:R", "u:Q a:A", "u:Q a:B", "prompt", "a list of 1, which chosen and rejected do not start with",
        "the turns that they share, with or without a system turn before them")]
    [InlineData("s:S", "s:T u:Q a:A", "s:T u:Q a:B", "prompt", "a list of 1, which chosen and rejected do not start with",
        "the turns that they share, with or without a system turn before them")]
    public void A_pair_that_does_not_fit_together_is_named(
        string? prompt, string chosen, string rejected, string field, string found, string expected) =>
        Assert.Equal($"{_folder.Path}/rows.jsonl, line 1, field '{field}': found {found}, expected {expected}",
            Assert.Throws<BadRowException>(() => Parse(Row(prompt, chosen, rejected))).Message);

    [Theory]
    [InlineData("""{"prompt": "Q", "chosen": "A", "rejected": null}""", "rejected", "null",
        "a text or a list of {role, content} messages")]
    [InlineData("""{"prompt": "Q", "chosen": [], "rejected": "B"}""", "chosen", "an empty list", "a list of {role, content} messages")]
    [InlineData("""{"prompt": "Q", "chosen": [{"role": "assistant"}], "rejected": "B"}""", "chosen[0].content",
        "no such field (role)", "a text")]
    [InlineData("""{"prompt": 1, "chosen": "A", "rejected": "B"}""", "prompt", "the number 1", "a text or a list of {role, content} messages")]
    public void A_bad_field_is_named_with_its_path(string row, string field, string found, string expected) =>
        Assert.Equal($"{_folder.Path}/rows.jsonl, line 1, field '{field}': found {found}, expected {expected}",
            Assert.Throws<BadRowException>(() => Parse(row)).Message);

    [Fact]
    public void Columns_that_fit_no_form_are_listed() =>
        Assert.Equal(
            $"{_folder.Path}/rows.jsonl, line 1: found the columns prompt, chosen, expected prompt + chosen + rejected "
            + "(texts or message lists), or chosen + rejected (message lists)",
            Assert.Throws<BadRowException>(() => Parse("""{"prompt": "Q", "chosen": "A"}""")).Message);

    private PreferencePair Parse(string row) => PreferenceSchema.Read([_folder.Write("rows.jsonl", row)]).Single();

    private static string Row(string? prompt, string chosen, string rejected)
    {
        var row = new Dictionary<string, JsonElement>();
        if (prompt is not null) row["prompt"] = Value(prompt);
        row["chosen"] = Value(chosen);
        row["rejected"] = Value(rejected);
        return JsonSerializer.Serialize(row);
    }

    private static JsonElement Value(string text) => text[0] == '='
        ? JsonSerializer.SerializeToElement(text[1..])
        : JsonSerializer.SerializeToElement(text.Split(' ').Select(turn => new { role = Role(turn[0]), content = turn[2..] }));

    private static string Role(char letter) => letter switch { 's' => "system", 'u' => "user", _ => "assistant" };

    private static string Show(IReadOnlyList<ChatMessage> messages) =>
        string.Join(" ", messages.Select(message => $"{message.Role}:{message.Content}"));
}
