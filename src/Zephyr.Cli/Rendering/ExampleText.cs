using System.Text;
using Spectre.Console;
using Zephyr.Pipeline;
using static Zephyr.Cli.Rendering.PlainText;

namespace Zephyr.Cli.Rendering;

/// <summary>
/// Examples for people: the tokens of each part in lines of one role, with a + where they are labels. On a terminal with colours the role
/// has one, and what is no label is dim; everywhere else the lines are the same without.
/// </summary>
internal static class ExampleText
{
    private static readonly Dictionary<string, Color> Colors = new()
    {
        ["system"] = Color.Fuchsia,
        ["user"] = Color.Aqua,
        ["assistant"] = Color.Lime,
        ["continued"] = Color.Yellow,
    };

    public static void Write(CliConsole console, IReadOnlyList<InspectedExample> examples)
    {
        var colored = console.Results.Profile.Capabilities.ColorSystem != ColorSystem.NoColors;
        void Heading(string text)
        {
            if (colored) console.Results.Write(new Text(OneLine(text) + "\n", new Style(decoration: Decoration.Bold)));
            else console.Output.WriteLine(OneLine(text));
        }

        Heading("+ marks the tokens that the loss asks for; tokens stand apart, ▁ is a space and ⏎ a newline in them");
        foreach (var example in examples)
        {
            console.Output.WriteLine();
            Heading(TitleOf(example));
            foreach (var (part, i) in example.Parts.Select((part, i) => (part, i)))
            {
                Heading("  " + NameOf(part, example, i));
                var lines = LinesOf(part.Tokens).ToList();
                if (colored) Write(console.Results, lines);
                else foreach (var line in lines) console.Output.WriteLine($"    {line.Role,-9} {(line.IsLabel ? '+' : ' ')} {line.Text}");
            }
        }
    }

    private static string TitleOf(InspectedExample example)
    {
        var title = $"example {example.Number}";
        if (example.Location is { } location) title += $": {location}";
        if (example.LeftOut is { } why) title += $": {why}";
        return example.Parts.Count < 2 || example.Location is not null ? title
            : $"{title}: {Several(example.Parts.Sum(part => part.Tokens.Count), "token")} of {example.Parts.Count} documents";
    }

    private static string NameOf(InspectedPart part, InspectedExample example, int index)
    {
        var name = example.Location is null ? $"{part.Name} {index + 1}: {part.Location?.ToString() ?? "of an unknown row"}" : part.Name;
        var cut = part.TokensCut > 0 ? $", {Whole(part.TokensCut)} more were cut" : "";
        return $"{name}: {Several(part.Tokens.Count, "token")}, {Several(part.Tokens.Count(token => token.IsLabel), "label")}{cut}";
    }

    /// <summary>A line ends where the role or the label changes, and behind newlines.</summary>
    private static IEnumerable<(string Role, bool IsLabel, string Text)> LinesOf(IReadOnlyList<InspectedToken> tokens)
    {
        for (int start = 0, end; start < tokens.Count; start = end)
        {
            var first = tokens[start];
            for (end = start + 1; end < tokens.Count && (tokens[end].Role, tokens[end].IsLabel) == (first.Role, first.IsLabel); end++)
                if (EndsLine(tokens[end - 1]) && !EndsLine(tokens[end])) break;
            yield return (first.Role, first.IsLabel, string.Join(' ', tokens.Skip(start).Take(end - start).Select(Shown)));
        }
    }

    private static bool EndsLine(InspectedToken token) => token.Text.EndsWith('\n');

    /// <summary>As the vocabulary spells it; the last byte of a character as the character.</summary>
    private static string Shown(InspectedToken token)
    {
        var isByte = token.Piece is ['<', '0', 'x', _, _, '>'];
        var text = new StringBuilder(isByte && token.Text.Length > 0 && !token.Text.Contains('\uFFFD', StringComparison.Ordinal) ? token.Text : token.Piece);
        text.Replace('\n', '⏎').Replace('\t', '⇥').Replace(' ', '▁');
        return OneLine($"{text}");
    }

    private static void Write(IAnsiConsole console, List<(string Role, bool IsLabel, string Text)> lines)
    {
        var grid = new Grid { Expand = false };
        grid.AddColumn(new GridColumn { NoWrap = true, Width = 9, Padding = new Padding(4, 0, 1, 0) });
        grid.AddColumn(new GridColumn { NoWrap = true, Width = 1, Padding = new Padding(0, 0, 1, 0) });
        grid.AddColumn(new GridColumn { Padding = new Padding(0, 0, 0, 0) });
        foreach (var (role, isLabel, text) in lines)
        {
            var style = new Style(Colors.GetValueOrDefault(role, Color.Default), decoration: isLabel ? Decoration.None : Decoration.Dim);
            grid.AddRow(new Text(role, style), new Text(isLabel ? "+" : " ", style), new Text(text, style) { Overflow = Overflow.Fold });
        }
        console.Write(grid);
    }
}
