using static Zephyr.Data.Sources.FieldReader;

namespace Zephyr.Data.Sources;

/// <summary>A prompt and what follows it, as token ids.</summary>
/// <param name="Location">File and row.</param>
/// <param name="PromptIds">At least one id.</param>
/// <param name="CompletionIds">At least one id.</param>
public sealed record TokenIdRow(RowLocation Location, int[] PromptIds, int[] CompletionIds);

/// <summary>Rows of token ids: {"prompt_ids": [...], "completion_ids": [...]}.</summary>
public static class TokenIdSchema
{
    private static readonly RowShapes<TokenIdRow> Shapes = new(
        new RowShape<TokenIdRow>("prompt_ids + completion_ids [ids]", ["prompt_ids", "completion_ids"], [],
            row => new(row.Location, Ids(row, "prompt_ids"), Ids(row, "completion_ids"))));

    /// <summary>Reads every row of the files.</summary>
    /// <exception cref="BadRowException">A row is not of that form.</exception>
    public static IEnumerable<TokenIdRow> Read(IReadOnlyList<string> files) => Shapes.Read(files);

    private static int[] Ids(DataRow row, string field)
    {
        const string Expected = "a list of at least one token id (whole numbers from 0)";
        var list = List(row.Location, field, row[field], Expected);
        return [.. list.Select((id, i) => id is long and >= 0 and <= int.MaxValue
            ? (int)(long)id
            : throw Bad(row.Location, $"{field}[{i}]", id, "a token id, a whole number from 0 without a decimal point"))];
    }
}
