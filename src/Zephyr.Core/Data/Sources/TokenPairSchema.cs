using Zephyr.Data.Text;
using static Zephyr.Data.Sources.FieldReader;

namespace Zephyr.Data.Sources;

/// <summary>Rows of preference pairs that are token ids already: {"prompt_ids": [...], "chosen_ids": [...], "rejected_ids": [...]}.</summary>
public static class TokenPairSchema
{
    private static readonly RowShapes<TokenizedPair> Shapes = new(
        new RowShape<TokenizedPair>("prompt_ids + chosen_ids + rejected_ids [ids]", ["prompt_ids", "chosen_ids", "rejected_ids"], [],
            row => new(row.Location, TokenIds(row, "prompt_ids"), TokenIds(row, "chosen_ids"), TokenIds(row, "rejected_ids"))));

    /// <summary>Reads every row of the files.</summary>
    /// <exception cref="BadRowException">A row is not of that form.</exception>
    public static IEnumerable<TokenizedPair> Read(IReadOnlyList<string> files) => Shapes.Read(files);
}
