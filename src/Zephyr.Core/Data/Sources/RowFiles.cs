namespace Zephyr.Data.Sources;

/// <summary>The rows of one file, in every format that is asked for: <c>NAME.parquet</c>, <c>NAME.jsonl</c>.</summary>
/// <param name="name">The name without its end.</param>
/// <param name="formats">parquet, jsonl or both.</param>
/// <param name="columns">The columns' types.</param>
/// <param name="pathOf">Where a file of that name is to be written; null to write nothing.</param>
public sealed class RowFiles(string name, IReadOnlyList<string> formats, ColumnType columns, Func<string, string>? pathOf) : IRowWriter
{
    private IRowWriter[]? _writers;

    /// <summary>The files' names: none where no row was added, as readers refuse empty ones.</summary>
    public IReadOnlyList<string> Names { get; private set; } = [];

    /// <inheritdoc/>
    public void Add(DataRow row)
    {
        if (_writers is null)
        {
            Names = [.. formats.Distinct().Select(format => $"{name}.{format}")];
            _writers = pathOf is null ? [] : [.. Names.Select(file => Open(pathOf(file)))];
        }
        foreach (var writer in _writers) writer.Add(row);
    }

    /// <inheritdoc/>
    public void Complete()
    {
        foreach (var writer in _writers ?? []) writer.Complete();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var writer in _writers ?? []) writer.Dispose();
    }

    private IRowWriter Open(string path) => DataFileName.IsParquet(path) ? new ParquetRowWriter(path, columns) : new JsonLinesRowWriter(path);
}
