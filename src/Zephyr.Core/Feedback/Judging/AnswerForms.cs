using System.Text.Json;

namespace Zephyr.Feedback.Judging;

/// <summary>
/// The forms that a judge is to answer in: as words for the rubric and as JSON Schema for endpoints that can be held to one
/// (strict: every field required, no others). The reasons stand before the rating, so that they come before it. The words are
/// no valid JSON and hold no rating: a judge that repeats them has said nothing.
/// </summary>
internal static class AnswerForms
{
    private const string JsonOnly = "Answer with one JSON object and nothing else, in this form:\n";

    private static readonly object Text = new { type = "string" };

    /// <summary>One rating for each of the answers.</summary>
    public static AnswerForm Ratings(int count, RatingScale scale)
    {
        var allowed = string.Join(", ", Allowed(scale).Select(rating => $"\"{rating}\""));
        return new(JsonOnly + "{\"ratings\": [{\"answer\": <its number>, \"rationale\": <text>, \"rating\": <one of " + allowed + ">}, ...]}\n"
            + (count == 1 ? "with one entry, for answer 1." : $"with one entry for each of the answers 1 to {count}."),
            Schema(new
            {
                ratings = new
                {
                    type = "array",
                    items = Object(new
                    {
                        answer = new { type = "integer", @enum = Enumerable.Range(1, count) },
                        rationale = Text,
                        rating = new { type = "string", @enum = Allowed(scale) },
                    }),
                },
            }));
    }

    /// <summary>One score.</summary>
    /// <param name="scale">The scores.</param>
    /// <param name="reason">What the text before the score is called.</param>
    public static AnswerForm Score(RatingScale scale, string reason) => new(
        JsonOnly + $"{{\"{reason}\": <text>, \"score\": <{scale.Expected}>}}",
        Schema(new Dictionary<string, object> { [reason] = Text, ["score"] = new { type = "number", minimum = scale.Least, maximum = scale.Most } }));

    /// <summary>A verdict on two answers.</summary>
    public static AnswerForm Verdict { get; } = new(
        JsonOnly + "{\"rationale\": <text>, \"verdict\": <\"A\", \"B\" or \"tie\">}",
        Schema(new { rationale = Text, verdict = new { type = "string", @enum = new[] { "A", "B", "tie" } } }));

    private static string[] Allowed(RatingScale scale) =>
        [.. Enumerable.Range(scale.Least, scale.Most - scale.Least + 1).Select(rating => $"{rating}"), .. scale.AllowsNone ? ["N/A"] : Array.Empty<string>()];

    private static string Schema(object properties) => JsonSerializer.Serialize(Object(properties));

    private static object Object(object properties)
    {
        var names = properties is IDictionary<string, object> fields ? fields.Keys : properties.GetType().GetProperties().Select(property => property.Name);
        return new { type = "object", properties, required = names.ToArray(), additionalProperties = false };
    }
}

/// <summary>The form of a judge's answer.</summary>
/// <param name="Words">For the rubric's <c>{{form}}</c>.</param>
/// <param name="JsonSchema">For endpoints that can be held to one.</param>
internal sealed record AnswerForm(string Words, string JsonSchema);
