using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Zephyr.Data;
using Zephyr.Feedback.Audit;

namespace Zephyr.Feedback;

/// <summary>How often a model's answers were usable, chosen and rejected.</summary>
/// <param name="Model">The model's name in the rows.</param>
/// <param name="Answers">Its usable answers.</param>
/// <param name="Chosen">Pairs in which its answer is the chosen one.</param>
/// <param name="Rejected">Pairs in which its answer is the rejected one.</param>
public sealed record ModelRecord(string Model, int Answers, int Chosen, int Rejected);

/// <summary>In how many pairs the chosen answer is longer, as long or shorter than the rejected one, in characters.</summary>
/// <param name="Longer">Chosen is longer.</param>
/// <param name="Equal">As long.</param>
/// <param name="Shorter">Chosen is shorter.</param>
/// <param name="LongerShare">Longer ones among all pairs; 0 for none. Far from 0.5, the preference is partly one for length.</param>
/// <param name="Correlation">How far scores go with length.</param>
public sealed record LengthRecord(int Longer, int Equal, int Shorter, double LongerShare, LengthCorrelation Correlation);

/// <summary>
/// What went in, what came out and what was left out on the way: audit.json. It holds no times and no paths: the same
/// rows and configuration give the same bytes.
/// </summary>
/// <param name="Rows">Rows read.</param>
/// <param name="RepeatedPrompts">Rows whose prompt an earlier row had.</param>
/// <param name="Pairs">Pairs made.</param>
/// <param name="TrainPairs">Of them, for training.</param>
/// <param name="TestPairs">Of them, for testing.</param>
/// <param name="DroppedPrompts">Rows without a pair, by reason.</param>
/// <param name="Completions">Answers read.</param>
/// <param name="DroppedCompletions">Answers that were no candidates, by reason.</param>
/// <param name="DroppedRatings">Ratings of usable answers that were "N/A" and left out of the mean (<c>on_missing_rating: drop_rating</c>).</param>
/// <param name="TiedBest">Rows whose best score is shared, whatever became of them.</param>
/// <param name="TiedPairs">Pairs whose two answers score the same.</param>
/// <param name="Score">Scores of all usable answers.</param>
/// <param name="Margin">Chosen score minus rejected score, of all pairs.</param>
/// <param name="Length">Which answer is longer.</param>
/// <param name="Models">By name, in ordinal order.</param>
/// <param name="Agreement">Of every two aspects that answers were rated on; docs/ai-feedback.md has the formulas of this and all that follows.</param>
/// <param name="Position">By what the judge was asked; empty where rows do not say where it saw the answers.</param>
/// <param name="Duplicates">Prompts that say the same as others; null where they were not looked for.</param>
/// <param name="Contamination">Prompts that occur in evaluation sets; null where none were named.</param>
public sealed record FeedbackAudit(
    int Rows,
    int RepeatedPrompts,
    int Pairs,
    int TrainPairs,
    int TestPairs,
    IReadOnlyDictionary<PromptDrop, int> DroppedPrompts,
    int Completions,
    IReadOnlyDictionary<AnswerDrop, int> DroppedCompletions,
    int DroppedRatings,
    int TiedBest,
    int TiedPairs,
    Histogram Score,
    Histogram Margin,
    LengthRecord Length,
    IReadOnlyList<ModelRecord> Models,
    IReadOnlyList<AgreementRecord> Agreement,
    IReadOnlyList<PositionRecord> Position,
    DuplicateRecord? Duplicates,
    ContaminationRecord? Contamination)
{
    /// <summary>Rows that were left out because they cannot be used (<c>on_bad_row: skip</c>), which no other figure counts; null, and left out, where models were asked: <see cref="Asking"/> has them then.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<BadRowCount>? BadRows { get; init; }

    /// <summary>What models were asked on the way; null, and left out, where it began at scores.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AskingAudit? Asking { get; init; }

    private static readonly JsonSerializerOptions Layout = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DictionaryKeyPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>The text of audit.json.</summary>
    public string ToJson() => ToJson(this);

    /// <summary>The text of an audit.json that holds something else.</summary>
    internal static string ToJson<T>(T audit) => JsonSerializer.Serialize(audit, Layout) + "\n";
}
