using Zephyr.Pipeline;

namespace Zephyr.Cli.Rendering;

/// <summary>Examples for other programs: lists of equal length for each part.</summary>
internal static class ExampleJson
{
    public static IEnumerable<object> Of(IReadOnlyList<InspectedExample> examples) => examples.Select(example => new
    {
        example.Number,
        example.Location?.File,
        Row = example.Location?.Number,
        example.LeftOut,
        Parts = example.Parts.Select(part => new
        {
            part.Name,
            part.Location?.File,
            Row = part.Location?.Number,
            part.TokensCut,
            Text = string.Concat(part.Tokens.Select(token => token.Text)),
            Ids = part.Tokens.Select(token => token.Id),
            Pieces = part.Tokens.Select(token => token.Piece),
            Texts = part.Tokens.Select(token => token.Text),
            Roles = part.Tokens.Select(token => token.Role),
            Labels = part.Tokens.Select(token => token.IsLabel),
        }),
    });
}
