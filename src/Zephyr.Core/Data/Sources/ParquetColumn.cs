using System.Text;
using Parquet;
using Parquet.Schema;

namespace Zephyr.Data.Sources;

/// <summary>One column of one row group, with a cursor: what is stored of a value, and where in its row it belongs.</summary>
internal sealed class ParquetColumn
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Func<int, object?> _value;
    private readonly int[]? _definitions;
    private readonly int[]? _repetitions;
    private readonly int _count;
    private readonly int _maxDefinition;
    private int _entry;
    private int _stored;

    private ParquetColumn(Func<int, object?> value, int[]? definitions, int[]? repetitions, int count, int maxDefinition)
    {
        (_value, _definitions, _repetitions, _count, _maxDefinition) = (value, definitions, repetitions, count, maxDefinition);
    }

    /// <summary>Whether every entry was taken.</summary>
    public bool AtEnd => _entry >= _count;

    /// <summary>How much of the path to the value is there, at the cursor.</summary>
    public int Definition => _definitions is null ? _maxDefinition : _definitions[_entry];

    /// <summary>At which list's level the entry at the cursor continues its row; 0 where a row begins.</summary>
    public int Repetition => _repetitions is null ? 0 : _repetitions[_entry];

    /// <summary>Takes the entry at the cursor: a value, or null.</summary>
    public object? Take()
    {
        var defined = Definition == _maxDefinition;
        _entry++;
        return defined ? _value(_stored++) : null;
    }

    /// <summary>Whether rows can show this type: text, numbers and booleans; the recipe's data have no others.</summary>
    public static bool Supports(DataField field) =>
        field.ClrType == typeof(ReadOnlyMemory<char>) || field.ClrType == typeof(ReadOnlyMemory<byte>)
        || (field.ClrType.IsPrimitive && field.ClrType != typeof(char));

    /// <summary>Reads the whole column chunk, as Parquet.Net does; values become strings only when they are taken.</summary>
    public static Task<ParquetColumn> ReadAsync(ParquetRowGroupReader group, DataField field) => Type.GetTypeCode(field.ClrType) switch
    {
        TypeCode.Boolean => ReadAsync<bool>(group, field, value => value),
        TypeCode.SByte => ReadAsync<sbyte>(group, field, value => (long)value),
        TypeCode.Byte => ReadAsync<byte>(group, field, value => (long)value),
        TypeCode.Int16 => ReadAsync<short>(group, field, value => (long)value),
        TypeCode.UInt16 => ReadAsync<ushort>(group, field, value => (long)value),
        TypeCode.Int32 => ReadAsync<int>(group, field, value => (long)value),
        TypeCode.UInt32 => ReadAsync<uint>(group, field, value => (long)value),
        TypeCode.Int64 => ReadAsync<long>(group, field, value => value),
        TypeCode.UInt64 => ReadAsync<ulong>(group, field, value => (double)value),
        TypeCode.Single => ReadAsync<float>(group, field, value => (double)value),
        TypeCode.Double => ReadAsync<double>(group, field, value => value),
        _ when field.ClrType == typeof(ReadOnlyMemory<char>) =>
            ReadAsync<ReadOnlyMemory<char>>(group, field, value => value.ToString()),
        _ => ReadAsync<ReadOnlyMemory<byte>>(group, field, value => TextOf(field, value.Span)),
    };

    private static string TextOf(DataField field, ReadOnlySpan<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException error)
        {
            throw new FormatException($"a text of column {field.Path} is not UTF-8", error);
        }
    }

    private static async Task<ParquetColumn> ReadAsync<T>(ParquetRowGroupReader group, DataField field, Func<T, object?> box)
        where T : struct
    {
        var chunk = group.GetMetadata(field)?.MetaData ?? throw new FormatException($"it has no data for column {field.Path}");
        var count = checked((int)chunk.NumValues);
        var values = new T[count];
        var definitions = field.MaxDefinitionLevel > 0 ? new int[count] : null;
        var repetitions = field.MaxRepetitionLevel > 0 ? new int[count] : null;
        await group.ReadRawAsync<T>(field, values, Levels(definitions), Levels(repetitions)).ConfigureAwait(false);
        return new(i => box(values[i]), definitions, repetitions, count, field.MaxDefinitionLevel);
    }

    /// <summary>Spelled out because a null array, given as it is, converts to empty memory and not to none.</summary>
    private static Memory<int>? Levels(int[]? levels) => levels is null ? (Memory<int>?)null : levels.AsMemory();
}
