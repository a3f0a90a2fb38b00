using Parquet;
using Parquet.Schema;

namespace Zephyr.Data.Sources;

/// <summary>
/// Writes rows as Parquet: Snappy, row groups of 1000 rows (one in memory at a time), every column, field and item optional, lists named as pyarrow names them.
/// </summary>
public sealed class ParquetRowWriter : IRowWriter
{
    private const int RowGroupRows = 1000;

    private readonly FileStream _stream;
    private readonly ParquetSchema _schema;
    private readonly ParquetWriter _writer;
    private readonly ParquetShredder _shredder;
    private readonly List<DataRow> _rows = [];

    /// <param name="path">The file to create.</param>
    /// <param name="columns">The type of each column, as the fields of a struct.</param>
    public ParquetRowWriter(string path, ColumnType columns)
    {
        ArgumentNullException.ThrowIfNull(columns);
        _schema = new(columns.Fields.Select(column => FieldOf(column.Name, column.Type)).OfType<Field>());
        _shredder = new(columns);
        _stream = File.Create(path);
        var options = new ParquetOptions { CompressionMethod = CompressionMethod.Snappy };
        _writer = ParquetWriter.CreateAsync(_schema, _stream, options).GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public void Add(DataRow row)
    {
        _rows.Add(row);
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

    /// <summary>Null for a struct without fields, of which Parquet knows nothing.</summary>
    private static Field? FieldOf(string name, ColumnType type) => type.Kind switch
    {
        ColumnKind.List => FieldOf(ListField.ElementName, type.Items!) is { } item ? new ListField(name, item) : null,
        ColumnKind.Struct => type.Fields.Select(field => FieldOf(field.Name, field.Type)).OfType<Field>().ToArray() is { Length: > 0 } fields ? new StructField(name, fields) : null,
        ColumnKind.Flag => new DataField(name, typeof(bool), isNullable: true),
        ColumnKind.Whole => new DataField(name, typeof(long), isNullable: true),
        ColumnKind.Number => new DataField(name, typeof(double), isNullable: true),
        _ => new DataField(name, typeof(string), isNullable: true),
    };

    private async Task WriteRowGroupAsync()
    {
        var leaves = _shredder.Shred(_rows);
        using var group = _writer.CreateRowGroup();
        foreach (var field in _schema.GetDataFields())
        {
            var leaf = leaves[field.Path.ToString()];
            if (leaf.Deepest != field.MaxDefinitionLevel) throw new InvalidOperationException($"column {field.Path} has {field.MaxDefinitionLevel} definition levels and was written with {leaf.Deepest}");
            await (field.ClrType == typeof(bool) ? WriteAsync(field, leaf.Of<bool>())
                : field.ClrType == typeof(long) ? WriteAsync(field, leaf.Of<long>())
                : field.ClrType == typeof(double) ? WriteAsync(field, leaf.Numbers())
                : WriteAsync(field, leaf.Texts()));

            Task WriteAsync<T>(DataField column, T[] values) where T : struct => group.WriteAllPartsAsync<T>(
                column, values, leaf.Definitions.ToArray(), column.MaxRepetitionLevel > 0 ? leaf.Repetitions.ToArray() : null, CancellationToken.None);
        }
        group.CompleteValidate();
        _rows.Clear();
    }
}
