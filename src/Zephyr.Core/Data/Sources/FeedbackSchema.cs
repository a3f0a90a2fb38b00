using static Zephyr.Data.Sources.FieldReader;

namespace Zephyr.Data.Sources;

/// <summary>Rows that are scored answers, for AIF: raw UltraFeedback, or any <c>instruction</c> with <c>completions</c>.</summary>
public static class FeedbackSchema
{
    private const string CompletionList = "a list of completions {response, model, a score}";

    private static readonly RowShapes<ScoredPrompt> Shapes = new(
        new RowShape<ScoredPrompt>("instruction + completions [{response, model, a score}] (raw UltraFeedback)",
            ["instruction", "completions"], [], Feedback));

    /// <summary>Streams the scored prompts of files.</summary>
    /// <exception cref="Zephyr.Runtime.UserErrorException">A file or a row that cannot be used.</exception>
    public static IEnumerable<ScoredPrompt> Read(IReadOnlyList<string> files) => Shapes.Read(files);

    /// <inheritdoc cref="Read(IReadOnlyList{string})"/>
    public static IEnumerable<ScoredPrompt> Read(RowSource source) => Shapes.Read(source);

    /// <summary>The scored prompt of one row.</summary>
    /// <exception cref="BadRowException">The row does not hold one.</exception>
    public static ScoredPrompt Parse(DataRow row) => Shapes.Parse(row);

    private static ScoredPrompt Feedback(DataRow row)
    {
        // A prompt that no model answered is a prompt to drop and count, not a bad row: raw UltraFeedback has some.
        var completions = row["completions"] is IReadOnlyList<object?> list
            ? list
            : throw Bad(row.Location, "completions", row["completions"], CompletionList);
        return new(row.Location, TextOf(row.Location, "instruction", row["instruction"]),
            [.. completions.Select((item, i) => Completion(row.Location, $"completions[{i}]", item))]);
    }

    private static ScoredCompletion Completion(RowLocation location, string path, object? item)
    {
        var fields = Struct(location, path, item, "a completion {response, model, a score}");
        var model = fields.GetValueOrDefault("model") as string ?? "unknown";
        var response = fields.TryGetValue("response", out var value) && value is null ? "" : Member(location, path, fields, "response");
        return new(model, response, fields);
    }
}
