using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Zephyr.Model.Weights;

/// <summary>Writes tensors as safetensors, sharded where they exceed a size. The same tensors give the same bytes.</summary>
internal static class WeightWriter
{
    /// <summary>Writes <paramref name="tensors"/> as model.safetensors, or as model-0000k-of-0000n.safetensors with an index.</summary>
    /// <param name="folder">An existing folder; the caller renames it into place.</param>
    /// <param name="tensors">Names and tensors; written in ordinal order of names within a shard.</param>
    /// <param name="maxShardBytes">A shard is closed before it would exceed this; a tensor alone may.</param>
    public static void Write(string folder, IEnumerable<KeyValuePair<string, Tensor>> tensors, long maxShardBytes)
    {
        var all = tensors.ToList();
        var shards = Split(all, maxShardBytes);
        if (shards.Count == 1)
        {
            WriteFile(Path.Combine(folder, "model.safetensors"), shards[0]);
            return;
        }
        var map = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal);
        for (var i = 0; i < shards.Count; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors");
            WriteFile(Path.Combine(folder, name), shards[i]);
            foreach (var (tensor, _) in shards[i]) map[tensor] = name;
        }
        var index = new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = all.Sum(entry => Bytes(entry.Value)) },
            ["weight_map"] = new JsonObject(map),
        };
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), index.ToJsonString(new JsonSerializerOptions { WriteIndented = true, NewLine = "\n" }) + "\n");
    }

    /// <summary>Writes one file.</summary>
    public static void WriteFile(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        var ordered = tensors.OrderBy(entry => entry.Key, StringComparer.Ordinal).ToList();
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        long offset = 0;
        foreach (var (name, tensor) in ordered)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = SafetensorsTypes.Name(tensor.dtype),
                ["shape"] = new JsonArray([.. tensor.shape.Select(size => (JsonNode)size)]),
                ["data_offsets"] = new JsonArray(offset, offset + Bytes(tensor)),
            };
            offset += Bytes(tensor);
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        // Data starts at a multiple of eight, so that readers may map it.
        var padded = (json.Length + 7) / 8 * 8;
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        Span<byte> prefix = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)padded);
        file.Write(prefix);
        file.Write(json);
        for (var i = json.Length; i < padded; i++) file.WriteByte((byte)' ');
        foreach (var (_, tensor) in ordered) WriteData(file, tensor);
        file.Flush(flushToDisk: true);
    }

    private static void WriteData(FileStream file, Tensor tensor)
    {
        if (tensor.numel() == 0) return;
        using var scope = NewDisposeScope();
        var data = tensor.detach().cpu().contiguous();
        if (data.dim() == 0)
        {
            file.Write(data.bytes);
            return;
        }
        var rowsAtOnce = Math.Max(1, (1L << 28) * data.shape[0] / Math.Max(1, Bytes(data)));
        for (long row = 0; row < data.shape[0]; row += rowsAtOnce)
        {
            using var portion = NewDisposeScope();
            file.Write(data.narrow(0, row, Math.Min(rowsAtOnce, data.shape[0] - row)).bytes);
        }
    }

    private static List<List<KeyValuePair<string, Tensor>>> Split(List<KeyValuePair<string, Tensor>> tensors, long maxBytes)
    {
        List<List<KeyValuePair<string, Tensor>>> shards = [[]];
        long size = 0;
        foreach (var entry in tensors)
        {
            if (size > 0 && size + Bytes(entry.Value) > maxBytes)
            {
                shards.Add([]);
                size = 0;
            }
            shards[^1].Add(entry);
            size += Bytes(entry.Value);
        }
        return shards;
    }

    private static long Bytes(Tensor tensor) => tensor.numel() * SafetensorsTypes.Size(tensor.dtype);
}
