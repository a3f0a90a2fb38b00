using Parquet;
using Parquet.Schema;
using Zephyr.Data;

namespace Zephyr.Feedback;

/// <summary>
/// Writes pairs as Parquet: Snappy, row groups of 1000 rows (one in memory at a time), lists and fields optional and named
/// as pyarrow names them, so that datasets, DuckDB and arrow read it as they read ultrafeedback_binarized.
/// </summary>
public sealed class ParquetPairWriter : IPairWriter
{
    private const int RowGroupRows = 1000;

    private static readonly string[] Columns =
        ["prompt", "prompt_id", "chosen", "rejected", "messages", "score_chosen", "score_rejected", "model_chosen", "model_rejected"];

    private readonly FileStream _stream;
    private readonly ParquetSchema _schema = new(Columns.Select(Column));
    private readonly ParquetWriter _writer;
    private readonly List<ScoredPair> _rows = [];

    /// <param name="path">The file to create.</param>
    public ParquetPairWriter(string path)
    {
        _stream = File.Create(path);
        var options = new ParquetOptions { CompressionMethod = CompressionMethod.Snappy };
        _writer = ParquetWriter.CreateAsync(_schema, _stream, options).GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public void Add(ScoredPair pair)
    {
        _rows.Add(pair);
        if (_rows.Count == RowGroupRows) WriteRowGroupAsync().GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public void Complete()
    {
        if (_rows.Count > 0) WriteRowGroupAsync().GetAwaiter().GetResult();
        // Disposing the writer is what writes the footer.
        _writer.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _stream.Flush(flushToDisk: true);
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private static Field Column(string name) => name switch
    {
        "chosen" or "rejected" or "messages" =>
            new ListField(name, new StructField(ListField.ElementName, Text("content"), Text("role"))),
        "score_chosen" or "score_rejected" => new DataField(name, typeof(double), isNullable: true),
        _ => Text(name),
    };

    private static DataField Text(string name) => new(name, typeof(string), isNullable: true);

    private async Task WriteRowGroupAsync()
    {
        using var group = _writer.CreateRowGroup();
        var field = _schema.GetDataFields().AsEnumerable().GetEnumerator();
        await TextsAsync(pair => pair.Prompt);
        await TextsAsync(pair => PromptId.Of(pair.Prompt));
        await DialoguesAsync(pair => pair.Chosen);
        await DialoguesAsync(pair => pair.Rejected);
        await DialoguesAsync(pair => pair.Chosen);
        await ScoresAsync(pair => pair.Chosen.Score);
        await ScoresAsync(pair => pair.Rejected.Score);
        await TextsAsync(pair => pair.Chosen.Completion.Model);
        await TextsAsync(pair => pair.Rejected.Completion.Model);
        group.CompleteValidate();
        _rows.Clear();

        DataField Next() => field.MoveNext() ? field.Current : throw new InvalidOperationException("more columns than fields");

        Task TextsAsync(Func<ScoredPair, string> value) => group.WriteAsync(Next(), _rows.ConvertAll(pair => (string?)value(pair)));

        Task ScoresAsync(Func<ScoredPair, double> value) =>
            group.WriteAsync<double>(Next(), _rows.Select(pair => (double?)value(pair)).ToArray());

        async Task DialoguesAsync(Func<ScoredPair, Candidate> answer)
        {
            ChatMessage[] turns = [.. _rows.SelectMany(pair => PairColumns.Dialogue(pair, answer(pair)))];
            await TurnsAsync(group, Next(), turns, message => message.Content);
            await TurnsAsync(group, Next(), turns, message => message.Role);
        }
    }

    /// <summary>One field of two turns a row: nothing is null, and every second turn continues its row's list.</summary>
    private static Task TurnsAsync(ParquetRowGroupWriter group, DataField field, ChatMessage[] turns, Func<ChatMessage, string> value)
    {
        var values = Array.ConvertAll(turns, turn => value(turn).AsMemory());
        var definitions = Enumerable.Repeat(field.MaxDefinitionLevel, turns.Length).ToArray();
        var repetitions = Enumerable.Range(0, turns.Length).Select(i => i % 2).ToArray();
        return group.WriteAllPartsAsync<ReadOnlyMemory<char>>(field, values, definitions, repetitions, CancellationToken.None);
    }
}
