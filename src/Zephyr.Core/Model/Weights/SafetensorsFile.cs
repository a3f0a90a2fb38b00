using System.Buffers.Binary;
using System.Text.Json;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Weights;

/// <summary>Where a tensor lies in a safetensors file. Offsets are absolute.</summary>
internal sealed record TensorEntry(string Name, ScalarType Dtype, long[] Shape, long Begin, long End);

/// <summary>
/// A safetensors file: eight bytes of header length, a JSON header, raw little-endian data. The header is not trusted:
/// every length and offset is checked against the file before anything is read.
/// </summary>
internal sealed class SafetensorsFile
{
    /// <summary>A third of what the format allows: 90,000 tensors, those of the most layers that a config may have, take 11 MB.</summary>
    private const long LongestHeader = 32 << 20;

    private const int MostSizes = 64, LongestName = 300;

    private SafetensorsFile(string path, Dictionary<string, TensorEntry> entries) => (Path, Entries) = (path, entries);

    public string Path { get; }

    public IReadOnlyDictionary<string, TensorEntry> Entries { get; }

    /// <summary>Reads the header.</summary>
    /// <exception cref="UserErrorException">The file is missing, truncated, or its header does not describe it.</exception>
    public static SafetensorsFile Open(string path)
    {
        using var file = OpenFile(path);
        Span<byte> prefix = stackalloc byte[8];
        if (file.Length < 8) throw Broken(path, $"it is {file.Length} bytes long, too short for a header");
        file.ReadExactly(prefix);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > LongestHeader || (long)length > file.Length - 8)
            throw Broken(path, $"its header claims {length} bytes, the file has {file.Length}; it is truncated or no safetensors file");
        var header = new byte[length];
        file.ReadExactly(header);
        var entries = new Dictionary<string, TensorEntry>();
        try
        {
            using var json = JsonDocument.Parse(header);
            if (json.RootElement.ValueKind != JsonValueKind.Object) throw Broken(path, "its header is not a JSON object");
            foreach (var property in json.RootElement.EnumerateObject())
            {
                if (property.NameEquals("__metadata__")) continue;
                var entry = ReadEntry(path, property, 8 + (long)length, file.Length);
                if (!entries.TryAdd(entry.Name, entry)) throw Broken(path, $"the tensor {entry.Name} is described twice");
            }
        }
        // The second: names with broken escapes or bytes that are not UTF-8 are only found out when they are read.
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Broken(path, "its header is not valid JSON", error);
        }
        RefuseGaps(path, entries.Values, 8 + (long)length, file.Length);
        return new(path, entries);
    }

    public FileStream OpenData() => OpenFile(Path);

    private static FileStream OpenFile(string path)
    {
        try
        {
            // Unbuffered: tensors are read whole, or in large portions.
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be read: {error.Message}", error);
        }
    }

    private static TensorEntry ReadEntry(string path, JsonProperty property, long dataStart, long fileLength)
    {
        var name = property.Name;
        var value = property.Value;
        if (name.Length > LongestName) throw Broken(path, $"a tensor's name has {name.Length} characters");
        if (value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String
            || !value.TryGetProperty("shape", out var shape) || shape.ValueKind != JsonValueKind.Array
            || !value.TryGetProperty("data_offsets", out var offsets) || offsets.ValueKind != JsonValueKind.Array || offsets.GetArrayLength() != 2
            || shape.GetArrayLength() > MostSizes || value.EnumerateObject().Count() != 3)
            throw Broken(path, $"the tensor {name} lacks dtype, shape or data_offsets, or has more than these");
        var sizes = shape.EnumerateArray().Select(size => NonNegative(path, name, size)).ToArray();
        var (begin, end) = (NonNegative(path, name, offsets[0]), NonNegative(path, name, offsets[1]));
        var type = SafetensorsTypes.Parse(dtype.GetString()!)
            ?? throw Broken(path, $"the tensor {name} has dtype {dtype.GetString()}; F32, F16 and BF16 are read");
        var bytes = (Int128)SafetensorsTypes.Size(type);
        foreach (var size in sizes) bytes = Int128.Min(bytes * size, (Int128)long.MaxValue * 2);
        if (begin > end || end > fileLength - dataStart || end - begin != bytes)
            throw Broken(path, $"the tensor {name} of shape [{string.Join(", ", sizes)}] claims bytes {begin} to {end} of {fileLength - dataStart}; "
                + "the file is truncated or its header is wrong");
        return new(name, type, sizes, dataStart + begin, dataStart + end);
    }

    private static long NonNegative(string path, string name, JsonElement number) =>
        number.ValueKind == JsonValueKind.Number && number.TryGetInt64(out var value) && value >= 0
            ? value : throw Broken(path, $"the tensor {name} has {number.GetRawText()} where a size or offset of at least 0 belongs");

    /// <summary>Tensors lie end to end: the format has no place for bytes that are nobody's, in which a file could hold what is no weight.</summary>
    private static void RefuseGaps(string path, IEnumerable<TensorEntry> entries, long start, long end)
    {
        var (before, at) = ("", start);
        foreach (var entry in entries.Where(entry => entry.End > entry.Begin).OrderBy(entry => entry.Begin))
        {
            if (entry.Begin < at) throw Broken(path, $"the tensors {before} and {entry.Name} overlap");
            if (entry.Begin > at) throw Broken(path, $"bytes {at - start} to {entry.Begin - start} belong to no tensor");
            (before, at) = (entry.Name, entry.End);
        }
        if (at != end) throw Broken(path, $"bytes {at - start} to {end - start} belong to no tensor");
    }

    private static UserErrorException Broken(string path, string what, Exception? inner = null) => new($"{path} cannot be used: {what}", inner);
}

/// <summary>The data types of safetensors that are read and written.</summary>
internal static class SafetensorsTypes
{
    public static ScalarType? Parse(string name) => name switch
    {
        "F32" => ScalarType.Float32,
        "F16" => ScalarType.Float16,
        "BF16" => ScalarType.BFloat16,
        _ => null,
    };

    public static string Name(ScalarType type) => type switch
    {
        ScalarType.Float32 => "F32",
        ScalarType.Float16 => "F16",
        ScalarType.BFloat16 => "BF16",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "is not written to safetensors here"),
    };

    public static int Size(ScalarType type) => type == ScalarType.Float32 ? 4 : 2;
}
