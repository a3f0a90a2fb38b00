using Zephyr.Data;
using Zephyr.Data.Sources;

namespace Zephyr.Feedback;

/// <summary>
/// The files of one split, in every format that was asked for: <c>train_prefs.parquet</c>, <c>train_prefs.jsonl</c>. They have ultrafeedback_binarized's columns (prompt,
/// prompt_id, chosen, rejected, messages, score_chosen, score_rejected) and two of our own, model_chosen and model_rejected. The same pairs give the same bytes; a
/// split without pairs gets no files.
/// </summary>
/// <param name="split">train or test.</param>
/// <param name="formats">parquet, jsonl or both.</param>
/// <param name="pathOf">Where a file of that name is to be written.</param>
public sealed class PairFiles(string split, IReadOnlyList<string> formats, Func<string, string> pathOf) : IDisposable
{
    private static readonly string[] Columns =
        ["prompt", "prompt_id", "chosen", "rejected", "messages", "score_chosen", "score_rejected", "model_chosen", "model_rejected"];

    private RowFiles? _files;

    /// <summary>Adds a pair to each file.</summary>
    public void Add(ScoredPair pair)
    {
        ArgumentNullException.ThrowIfNull(pair);
        var row = RowOf(pair);
        _files ??= new($"{split}_prefs", formats, TypesOf(row), pathOf);
        _files.Add(row);
    }

    /// <summary>Writes what is left. A file that is disposed without it is not whole.</summary>
    public void Complete() => _files?.Complete();

    /// <inheritdoc/>
    public void Dispose() => _files?.Dispose();

    private static DataRow RowOf(ScoredPair pair)
    {
        var (chosen, rejected) = (Dialogue(pair, pair.Chosen), Dialogue(pair, pair.Rejected));
        object?[] values = [pair.Prompt, PromptId.Of(pair.Prompt), chosen, rejected, chosen, pair.Chosen.Score, pair.Rejected.Score, pair.Chosen.Completion.Model, pair.Rejected.Completion.Model];
        return new(default, Columns, Columns.Zip(values).ToDictionary(column => column.First, column => column.Second));
    }

    private static object?[] Dialogue(ScoredPair pair, Candidate answer) =>
        [Turn(ChatMessage.User, pair.Prompt), Turn(ChatMessage.Assistant, answer.Completion.Response)];

    private static Dictionary<string, object?> Turn(string role, string content) => new() { ["content"] = content, ["role"] = role };

    /// <summary>Every pair has all columns, so that one says it for all.</summary>
    private static ColumnType TypesOf(DataRow row)
    {
        var columns = new ColumnType();
        foreach (var column in Columns) columns.Field(column).Include(row.Location, column, row[column]);
        return columns;
    }
}
