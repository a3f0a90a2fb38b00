using System.Text.RegularExpressions;
using Zephyr.Data.Sources;

namespace Zephyr.Data.Cleaning;

/// <summary>A text of a row.</summary>
/// <param name="Path">Where it stands: "messages[2].content".</param>
/// <param name="Role">system, user or assistant, as far as the row says; "text" for a text without turns.</param>
/// <param name="Text">The text.</param>
public sealed record RowTurn(string Path, string Role, string Text);

/// <summary>The texts of a row of any of the kinds that training reads, and the same row with other texts in their place.</summary>
public static partial class RowTurns
{
    private const string TextRole = "text";

    // Columns that may repeat the texts of the others: ultrachat_200k's prompt, ultrafeedback_binarized's messages.
    private static readonly string[] Beside = ["prompt", "messages", "text", "instruction"];

    /// <summary>The texts, in the order of the row.</summary>
    /// <exception cref="BadRowException">It is no row to train on.</exception>
    public static IReadOnlyList<RowTurn> Of(DataRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        var turns = new List<RowTurn>();
        foreach (var column in ColumnsOf(row))
            Walk(column, column, row[column], turn =>
            {
                turns.Add(turn);
                return turn.Text;
            });
        return turns;
    }

    /// <summary>The row with each of its texts replaced. A column beside them that repeats one of the texts gets the new one too.</summary>
    /// <param name="row">The row.</param>
    /// <param name="rewrite">The text to put in a text's place; a pure function.</param>
    public static DataRow Rewrite(DataRow row, Func<RowTurn, string> rewrite)
    {
        ArgumentNullException.ThrowIfNull(row);
        var fields = new Dictionary<string, object?>(row.Fields);
        var replaced = new Dictionary<string, string>();
        var columns = ColumnsOf(row);
        foreach (var column in columns) fields[column] = Walk(column, column, row[column], turn => replaced[turn.Text] = rewrite(turn));
        foreach (var column in Beside.Where(column => fields.ContainsKey(column) && !columns.Contains(column)))
            fields[column] = Walk(column, column, fields[column], turn => replaced.GetValueOrDefault(turn.Text, turn.Text));
        return row with { Fields = fields };
    }

    /// <summary>Whether letters' case is what the dialogue is about: "write it in lower case".</summary>
    public static bool SpeakOfCasing(IEnumerable<RowTurn> turns) => turns.Any(turn => turn.Role != ChatMessage.Assistant && Casing().IsMatch(turn.Text));

    /// <summary>The columns that make the row what it is. The schemas say whether it is one.</summary>
    private static string[] ColumnsOf(DataRow row)
    {
        if (row.Columns.Contains("chosen") && row.Columns.Contains("rejected"))
        {
            PreferenceSchema.Parse(row);
            return [.. new[] { "prompt", "chosen", "rejected" }.Where(column => row[column] is not null)];
        }
        ConversationSchema.Parse(row);
        return row.Columns.Contains("messages") ? ["messages"]
            : row.Columns.Contains("conversations") ? ["conversations"]
            : row.Columns.Contains("prompt") && row.Columns.Contains("completion") ? ["prompt", "completion"]
            : row.Columns.Contains("data") ? ["data"] : ["text"];
    }

    private static object? Walk(string column, string path, object? value, Func<RowTurn, string> rewrite) => value switch
    {
        string text => rewrite(new(path, RoleOf(column), text)),
        IReadOnlyList<object?> list => list.Select((item, i) => item is string text
            ? rewrite(new($"{path}[{i}]", i % 2 == 0 ? ChatMessage.User : ChatMessage.Assistant, text))
            : Message($"{path}[{i}]", item, rewrite)).ToArray(),
        _ => value,
    };

    private static object? Message(string path, object? item, Func<RowTurn, string> rewrite)
    {
        if (item is not IReadOnlyDictionary<string, object?> message) return item;
        var (role, content) = message.ContainsKey("content") ? ("role", "content") : ("from", "value");
        if (message.GetValueOrDefault(content) is not string text) return item;
        var speaker = (message.GetValueOrDefault(role) as string) switch
        {
            "human" => ChatMessage.User,
            "gpt" => ChatMessage.Assistant,
            var name => name ?? "",
        };
        return new Dictionary<string, object?>(message) { [content] = rewrite(new($"{path}.{content}", speaker, text)) };
    }

    private static string RoleOf(string column) => column switch
    {
        "prompt" or "instruction" => ChatMessage.User,
        "text" => TextRole,
        _ => ChatMessage.Assistant,
    };

    [GeneratedRegex(@"\b(?:lower|upper|title|sentence|camel|snake|kebab)[- ]?cased?\b|\b(?:all|no|without|in|use|using|only|block) (?:\w+ )?(?:caps|capitals?|capital letters)\b|\bcapitali[sz]|\bcase[- ](?:in)?sensitiv", RegexOptions.IgnoreCase)]
    private static partial Regex Casing();
}
