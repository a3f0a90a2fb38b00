using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Zephyr.Data.Cleaning;

/// <summary>A file that was cleaned.</summary>
/// <param name="Name">Its name, without its folder.</param>
/// <param name="Written">The files written of it; none where no row is left.</param>
/// <param name="Rows">Rows read.</param>
/// <param name="Kept">Rows written.</param>
public sealed record CleanedFile(string Name, IReadOnlyList<string> Written, long Rows, long Kept);

/// <summary>What a rule did to a row.</summary>
/// <param name="Rule">The rule, as the counts call it.</param>
/// <param name="File">The file's name.</param>
/// <param name="Row">The row in it, or the line, from 1.</param>
/// <param name="Field">The text's path.</param>
/// <param name="Before">What stood there, around the place.</param>
/// <param name="After">What stands there now; null where the row is left out.</param>
/// <param name="Evidence">Why it is left out: the words, or the evaluation text.</param>
public sealed record CleaningSample(string Rule, string File, long Row, string Field, string Before, string? After, string? Evidence);

/// <summary>What the casing was judged by.</summary>
/// <param name="Turns">Turns that were trusted; 0 where the statistics came from a file.</param>
/// <param name="Words">Different words that are held.</param>
/// <param name="Forgotten">The most occurrences of a word that had to be forgotten; 0 where all were held.</param>
public sealed record CasingSummary(long Turns, int Words, int Forgotten);

/// <summary>
/// What went in, what came out and what each rule did: report.json. It holds no times and no paths: the same rows and configuration give the same bytes.
/// </summary>
/// <param name="Rows">Rows that could be used.</param>
/// <param name="BadRows">Rows left out as unusable (<c>on_bad_row: skip</c>).</param>
/// <param name="Kept">Rows written.</param>
/// <param name="Dropped">Rows left out, by rule.</param>
/// <param name="RecasedRows">Rows written with other casing than they had.</param>
/// <param name="RecasedShare">Their share of the rows written; 0 for none.</param>
/// <param name="Turns">Texts of the rows written.</param>
/// <param name="RecasedTurns">Of them, those that were changed.</param>
/// <param name="Faults">Texts by what was wrong; one may count in several.</param>
/// <param name="RecasedLetters">Letters that have another case.</param>
/// <param name="Casing">What the casing was judged by; null where it was left.</param>
/// <param name="EvaluationTexts">Texts that rows were compared with.</param>
/// <param name="Files">Each file, in the order of reading.</param>
/// <param name="Samples">Examples by rule: a seeded choice that does not depend on the order of the rows.</param>
public sealed record CleaningReport(
    long Rows,
    long BadRows,
    long Kept,
    IReadOnlyDictionary<CleaningDrop, long> Dropped,
    long RecasedRows,
    double RecasedShare,
    long Turns,
    long RecasedTurns,
    IReadOnlyDictionary<CasingFault, long> Faults,
    long RecasedLetters,
    CasingSummary? Casing,
    int EvaluationTexts,
    IReadOnlyList<CleanedFile> Files,
    IReadOnlyList<CleaningSample> Samples)
{
    private static readonly JsonSerializerOptions Layout = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DictionaryKeyPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>The text of report.json.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Layout) + "\n";
}
