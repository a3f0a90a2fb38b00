using System.Text.RegularExpressions;
using Zephyr.Data;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Judging;

/// <summary>
/// A question to a judge as its file states it: turns with placeholders. Above the first line <c>=== system</c> or
/// <c>=== user</c> stands what the file is for, which is sent to nobody.
/// </summary>
public sealed partial class Rubric
{
    private readonly IReadOnlyList<ChatMessage> _turns;

    private Rubric(string name, IReadOnlyList<ChatMessage> turns) => (Name, _turns) = (name, turns);

    /// <summary>The file's name without its ending.</summary>
    public string Name { get; }

    /// <summary>Reads a rubric.</summary>
    /// <param name="place">Where its text is from, for messages.</param>
    /// <param name="name">The file's name without its ending.</param>
    /// <param name="text">The file's text.</param>
    /// <param name="placeholders">What may stand in it.</param>
    /// <exception cref="UserErrorException">It has no user turn at its end, a placeholder that is none of its own, or lacks one.</exception>
    public static Rubric Parse(string place, string name, string text, RubricPlaceholders placeholders)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] lines = text.TrimStart('\uFEFF').ReplaceLineEndings("\n").Split('\n');
        var marks = Enumerable.Range(0, lines.Length).Where(i => TurnMark().IsMatch(lines[i])).ToList();
        var roles = marks.ConvertAll(line => TurnMark().Match(lines[line]).Groups[1].Value);
        if (!(roles is [ChatMessage.User] or [ChatMessage.System, ChatMessage.User]))
            throw new UserErrorException($"{place}: found {(roles.Count == 0 ? "no turn" : $"the turns {string.Join(", ", roles)}")}, "
                + "expected one '=== user', with or without one '=== system' before it, each on a line of its own");
        var found = new HashSet<string>();
        for (var i = marks[0] + 1; i < lines.Length; i++) found.UnionWith(PlaceholdersIn(place, i + 1, lines[i], placeholders));
        if (placeholders.Required.FirstOrDefault(required => !found.Contains(required)) is { } missing)
            throw new UserErrorException($"{place}, line {marks[^1] + 1}: found no {{{{{missing}}}}} in the turns from here or before, "
                + $"expected each of {Shown(placeholders.Required)}");
        return new(name, [.. marks.Select((line, i) => new ChatMessage(roles[i], TextBetween(lines, line + 1, i + 1 < marks.Count ? marks[i + 1] : lines.Length)))]);
    }

    /// <summary>The turns with every placeholder filled in. What is filled in may hold braces of its own: it is not read again.</summary>
    /// <param name="values">One for each placeholder that it has.</param>
    public IReadOnlyList<ChatMessage> Render(IReadOnlyDictionary<string, string> values) =>
        [.. _turns.Select(turn => turn with { Content = Placeholder().Replace(turn.Content, match => values[match.Groups[1].Value]) })];

    private static string TextBetween(string[] lines, int start, int end) => string.Join('\n', lines[start..end]).Trim('\n');

    private static string[] PlaceholdersIn(string place, int number, string line, RubricPlaceholders placeholders)
    {
        string[] names = [.. Placeholder().Matches(line).Select(match => match.Groups[1].Value)];
        if (names.FirstOrDefault(name => !placeholders.All.Contains(name)) is { } unknown)
            throw new UserErrorException($"{place}, line {number}: found the placeholder {{{{{unknown}}}}}, expected {Shown(placeholders.All, "or")}"
                + (NearestName.Find(unknown, placeholders.All) is { } nearest ? $"; the nearest is {{{{{nearest}}}}}" : ""));
        var rest = Placeholder().Replace(line, "");
        return rest.Contains("{{", StringComparison.Ordinal) || rest.Contains("}}", StringComparison.Ordinal)
            ? throw new UserErrorException($"{place}, line {number}: found {{{{ or }}}} that belong to no placeholder, expected {Shown(placeholders.All, "or")}")
            : names;
    }

    private static string Shown(IReadOnlyList<string> names, string last = "and")
    {
        string[] shown = [.. names.Select(name => $"{{{{{name}}}}}")];
        return shown.Length == 1 ? shown[0] : $"{string.Join(", ", shown[..^1])} {last} {shown[^1]}";
    }

    [GeneratedRegex(@"^===\s*(\w+)\s*$")]
    private static partial Regex TurnMark();

    [GeneratedRegex(@"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")]
    private static partial Regex Placeholder();
}

/// <summary>The placeholders of one kind of rubric.</summary>
/// <param name="Required">Those that must stand in it: without them the judge would not see what it judges, or could not answer in form.</param>
/// <param name="Optional">Those that may.</param>
public sealed record RubricPlaceholders(IReadOnlyList<string> Required, params IReadOnlyList<string> Optional)
{
    /// <summary>Both.</summary>
    public IReadOnlyList<string> All => [.. Required, .. Optional];
}
