using Zephyr.Data.Sources;

namespace Zephyr.Data.Cleaning;

/// <summary>The texts of evaluation sets, whatever their columns are called.</summary>
public static class EvaluationFile
{
    /// <summary>The columns that are taken where none are named: those of MT-Bench, AlpacaEval, HumanEval, GSM8K, MMLU, TruthfulQA and our own rows.</summary>
    public static readonly IReadOnlyList<string> KnownFields =
        ["turns", "instruction", "prompt", "question", "problem", "query", "canonical_solution", "messages"];

    private const string Expected = "a text, a list of texts, or messages";

    /// <summary>Streams the texts of files.</summary>
    /// <param name="files">Paths, as <see cref="DataFiles.Resolve"/> gives them.</param>
    /// <param name="fields">The columns that hold them; empty for <see cref="KnownFields"/>.</param>
    /// <exception cref="BadRowException">A row has none of the columns, or something else than texts in one.</exception>
    public static IEnumerable<EvaluationText> Read(IReadOnlyList<string> files, IReadOnlyList<string> fields)
    {
        var wanted = fields.Count > 0 ? fields : KnownFields;
        return RowReader.Read(files, (location, columns) => Choose(location, columns, wanted)).SelectMany(row => row.Fields.SelectMany(field => TextsOf(row.Location, field.Key, field.Value)));
    }

    private static string[] Choose(RowLocation location, IReadOnlyList<string> columns, IReadOnlyList<string> wanted)
    {
        string[] there = [.. wanted.Where(columns.Contains)];
        return there.Length > 0 ? there : throw new BadRowException(location, "", $"the columns {DataRow.JoinNames(columns)}",
            $"an evaluation text in {string.Join(", ", wanted)}; name its columns with decontaminate_fields");
    }

    private static IEnumerable<EvaluationText> TextsOf(RowLocation location, string path, object? value) => value switch
    {
        null => [],
        string text => [new(location, path, text)],
        IReadOnlyList<object?> list => list.SelectMany((item, i) => TextsOf(location, $"{path}[{i}]", item)),
        // Of messages, what is asked: a system turn is no one set's own.
        IReadOnlyDictionary<string, object?> message when message.GetValueOrDefault("role") is string role && message.GetValueOrDefault("content") is string content =>
            role == ChatMessage.System ? [] : [new(location, path, content)],
        _ => throw new BadRowException(location, path, DataRow.Describe(value), Expected),
    };
}
