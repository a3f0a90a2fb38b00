using System.Text.Encodings.Web;
using System.Text.Json;

namespace Zephyr.Feedback.Judging;

/// <summary>
/// A judged prompt as a row of raw UltraFeedback, so that what was judged here and what was downloaded become pairs through the
/// same code: ratings are texts ("4", "N/A") under <c>annotations</c>, <c>fine-grained_score</c> is their mean, <c>overall_score</c>
/// the score as a whole, <c>win_rate</c> the share of comparisons won. Our own fields say at which <c>Position</c> the judge saw an
/// answer, and the <c>Failure</c> where there is no rating: then the rating is null, which counts as missing.
/// </summary>
public static class FeedbackRowJson
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes one line, its line feed included.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="judged">The prompt.</param>
    public static void Write(Stream stream, JudgedPrompt judged)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(judged);
        using (var json = new Utf8JsonWriter(stream, Readable))
        {
            json.WriteStartObject();
            json.WriteString("source", judged.Prompt.Source);
            json.WriteString("instruction", judged.Prompt.Prompt);
            json.WriteStartArray("models");
            foreach (var answer in judged.Prompt.Answers) json.WriteStringValue(answer.Model);
            json.WriteEndArray();
            json.WriteString("judge", judged.Judge);
            json.WriteStartArray("completions");
            foreach (var (answer, judgment) in judged.Prompt.Answers.Zip(judged.Answers)) WriteCompletion(json, answer, judgment);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
    }

    private static void WriteCompletion(Utf8JsonWriter json, ModelAnswer answer, AnswerJudgment judgment)
    {
        json.WriteStartObject();
        json.WriteString("model", answer.Model);
        json.WriteString("principle", answer.Principle);
        json.WriteString("custom_system_prompt", answer.SystemPrompt);
        json.WriteString("response", answer.Failure is null ? answer.Text : null);
        if (answer.Failure is { } failure) json.WriteString("failure", failure);
        if (judgment.Aspects.Count > 0)
        {
            json.WriteStartObject("annotations");
            foreach (var (aspect, rating) in judgment.Aspects) WriteRating(json, aspect, rating);
            json.WriteEndObject();
            WriteNumber(json, "fine-grained_score", judgment.MeanRating);
        }
        if (judgment.Overall is { } overall)
        {
            json.WriteString("critique", overall.Critique);
            WriteNumber(json, "overall_score", overall.Score);
            if (overall.Failure is { } why) json.WriteString("overall_failure", why);
        }
        if (judgment.Comparisons is { } comparisons) WriteComparisons(json, comparisons, judgment.WinRate);
        json.WriteEndObject();
    }

    private static void WriteRating(Utf8JsonWriter json, string aspect, AspectRating rating)
    {
        json.WriteStartObject(aspect);
        json.WriteString("Rating", rating.Failure is not null ? null : rating.Rating is { } value ? FormattableString.Invariant($"{value}") : "N/A");
        json.WriteString("Rationale", rating.Rationale);
        if (rating.Position is { } position) json.WriteNumber("Position", position);
        if (rating.Failure is { } failure) json.WriteString("Failure", failure);
        json.WriteEndObject();
    }

    private static void WriteComparisons(Utf8JsonWriter json, IReadOnlyList<Comparison> comparisons, double? winRate)
    {
        json.WriteStartArray("comparisons");
        foreach (var comparison in comparisons)
        {
            json.WriteStartObject();
            json.WriteNumber("Against", comparison.Against + 1);
            json.WriteNumber("Position", comparison.Position);
            WriteNumber(json, "Points", comparison.Points);
            json.WriteString("Rationale", comparison.Rationale);
            if (comparison.Failure is { } failure) json.WriteString("Failure", failure);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        WriteNumber(json, "win_rate", winRate);
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number) json.WriteNumber(name, number);
        else json.WriteNull(name);
    }
}
