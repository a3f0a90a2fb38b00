using System.Text.Json;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Weights;

/// <summary>
/// Reads weights from one safetensors file or from shards with an index. Names and shapes are compared with what the model
/// needs before a byte of data is read; each tensor is then read straight into the parameter.
/// </summary>
internal static class WeightReader
{
    /// <summary>Rows are read in portions of at most this many bytes: all that a conversion holds besides the model.</summary>
    private const long Portion = 1L << 26;

    /// <summary>Loads every tensor that <paramref name="needed"/> lists.</summary>
    /// <param name="folder">Holds model.safetensors, or model.safetensors.index.json and its shards.</param>
    /// <param name="needed">Names and shapes, in the order they are wanted.</param>
    /// <param name="isKnownExtra">Tensors that may stand in the file unread.</param>
    /// <param name="dtype">The data type of the parameters.</param>
    /// <param name="device">Where they go.</param>
    /// <exception cref="UserErrorException">A file is missing or broken, or tensors are missing, unexpected or mis-shaped: all are listed.</exception>
    public static ParameterSet Read(string folder, IEnumerable<(string Name, long[] Shape)> needed, Func<string, bool> isKnownExtra,
        ScalarType dtype, Device device)
    {
        var found = new Dictionary<string, (SafetensorsFile File, TensorEntry Entry)>();
        foreach (var file in OpenAll(folder))
            foreach (var entry in file.Entries.Values)
                if (!found.TryAdd(entry.Name, (file, entry)))
                    throw new UserErrorException($"{folder}: the tensor {entry.Name} stands in two files, {found[entry.Name].File.Path} and {file.Path}");
        var wanted = needed.ToList();
        Compare(folder, wanted, found, isKnownExtra);

        var parameters = new ParameterSet();
        // One for all tensors: freed and allocated for each, it would leave holes between the parameters (a quarter of a 1 GB model).
        using var staging = empty(Portion / sizeof(short), dtype: found[wanted[0].Name].Entry.Dtype);
        try
        {
            foreach (var (name, shape) in wanted)
            {
                var parameter = empty(shape, dtype: dtype, device: device);
                parameters.Add(name, parameter);
                ReadInto(found[name].File, found[name].Entry, parameter, staging);
            }
            return parameters;
        }
        catch
        {
            parameters.Dispose();
            throw;
        }
    }

    /// <summary>Reads one tensor straight into <paramref name="target"/>, converting where the data types differ.</summary>
    /// <param name="file">Where it stands.</param>
    /// <param name="entry">Its place there.</param>
    /// <param name="target">Of the same shape.</param>
    /// <param name="staging">Room for a portion that is converted or goes to another device; where it does not serve, some is made for the call.</param>
    public static void ReadInto(SafetensorsFile file, TensorEntry entry, Tensor target, Tensor? staging = null)
    {
        if (target.numel() == 0) return;
        try
        {
            ReadRows(file, entry, target, staging);
        }
        catch (IOException error)
        {
            throw new UserErrorException($"{file.Path}: the tensor {entry.Name} could not be read: {error.Message}", error);
        }
    }

    private static void ReadRows(SafetensorsFile file, TensorEntry entry, Tensor target, Tensor? staging)
    {
        using var data = file.OpenData();
        data.Position = entry.Begin;
        var rows = entry.Shape.Length == 0 ? 1 : entry.Shape[0];
        var bytesPerRow = (entry.End - entry.Begin) / rows;
        var rowsAtOnce = Math.Max(1, Portion / bytesPerRow);
        for (long row = 0; row < rows; row += rowsAtOnce)
        {
            using var scope = NewDisposeScope();
            var part = entry.Shape.Length == 0 ? target : target.narrow(0, row, Math.Min(rowsAtOnce, rows - row));
            if (part.dtype == entry.Dtype && part.device.type == TorchSharp.DeviceType.CPU)
            {
                data.ReadExactly(part.bytes);
                continue;
            }
            var serves = staging?.dtype == entry.Dtype && staging.numel() >= part.numel();
            var portion = serves ? staging!.narrow(0, 0, part.numel()) : empty(part.numel(), dtype: entry.Dtype);
            data.ReadExactly(portion.bytes);
            part.copy_(portion.view(part.shape));
        }
    }

    private static List<SafetensorsFile> OpenAll(string folder)
    {
        var single = Path.Combine(folder, "model.safetensors");
        var index = single + ".index.json";
        // The single file first, as transformers looks for them.
        if (File.Exists(single)) return [SafetensorsFile.Open(single)];
        if (File.Exists(index)) return OpenShards(folder, index);
        var pickled = Directory.EnumerateFiles(folder).Any(file => file.EndsWith(".bin", StringComparison.Ordinal) || file.EndsWith(".pt", StringComparison.Ordinal));
        throw new UserErrorException($"{folder}: there is neither model.safetensors nor model.safetensors.index.json"
            + (pickled ? "; pickled weights (*.bin, *.pt) are never opened: convert them to safetensors first" : ""));
    }

    private static List<SafetensorsFile> OpenShards(string folder, string index)
    {
        var shards = ShardsOf(index);
        var absent = shards.Where(shard => !File.Exists(Path.Combine(folder, shard))).ToList();
        if (absent.Count > 0)
            throw new UserErrorException($"{folder}: {absent.Count} of the {shards.Count} files that {Path.GetFileName(index)} names are missing ({string.Join(", ", absent)})");
        return [.. shards.Select(shard => SafetensorsFile.Open(Path.Combine(folder, shard)))];
    }

    private static List<string> ShardsOf(string index)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(index));
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
                throw new UserErrorException($"{index}: expected an object with weight_map");
            var shards = map.EnumerateObject().Select(entry => entry.Value.GetString() ?? "").Distinct().Order(StringComparer.Ordinal).ToList();
            if (shards.Count == 0) throw new UserErrorException($"{index}: weight_map names no file");
            if (shards.FirstOrDefault(shard => shard.Length == 0 || shard != Path.GetFileName(shard) || shard is "." or "..") is { } outside)
                throw new UserErrorException($"{index}: weight_map names '{outside}', expected the name of a file beside it");
            return shards;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{index} cannot be read: {error.Message}", error);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new UserErrorException($"{index}: not a valid index ({error.Message.Split('.')[0]})", error);
        }
    }

    private static void Compare(string folder, List<(string Name, long[] Shape)> wanted,
        Dictionary<string, (SafetensorsFile File, TensorEntry Entry)> found, Func<string, bool> isKnownExtra)
    {
        var names = wanted.Select(weight => weight.Name).ToHashSet();
        var missing = wanted.Where(weight => !found.ContainsKey(weight.Name)).Select(weight => weight.Name).ToList();
        var unexpected = found.Keys.Where(name => !names.Contains(name) && !isKnownExtra(name)).Order(StringComparer.Ordinal).ToList();
        var misshaped = wanted.Where(weight => found.TryGetValue(weight.Name, out var stored) && !stored.Entry.Shape.SequenceEqual(weight.Shape))
            .Select(weight => $"{weight.Name} is [{string.Join(", ", found[weight.Name].Entry.Shape)}] and should be [{string.Join(", ", weight.Shape)}]").ToList();
        if (missing.Count + unexpected.Count + misshaped.Count == 0) return;
        string[] parts = [List("missing", missing), List("unexpected", unexpected), List("mis-shaped", misshaped)];
        throw new UserErrorException($"{folder}: the weights do not fit config.json: {string.Join("; ", parts.Where(part => part.Length > 0))}");
    }

    private static string List(string what, List<string> names) =>
        names.Count == 0 ? "" : $"{names.Count} {what} ({string.Join(", ", names)})";
}
