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
            row => new(row.Location, TokenIds(row, "prompt_ids"), TokenIds(row, "completion_ids"))));

    /// <summary>Reads every row of the files.</summary>
    /// <exception cref="BadRowException">A row is not of that form.</exception>
    public static IEnumerable<TokenIdRow> Read(IReadOnlyList<string> files) => Shapes.Read(files);
}
