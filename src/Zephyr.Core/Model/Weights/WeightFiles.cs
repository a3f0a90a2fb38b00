using System.Text.Json;
using Zephyr.Runtime;

namespace Zephyr.Model.Weights;

/// <summary>How the tensors of a folder differ from those that its config.json asks for.</summary>
/// <param name="Missing">Names that are asked for and not there.</param>
/// <param name="Unexpected">Names that are there and not asked for.</param>
/// <param name="Misshaped">"NAME is [1, 2] and should be [2, 2]".</param>
public sealed record WeightDifferences(IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected, IReadOnlyList<string> Misshaped)
{
    /// <summary>Whether there is any.</summary>
    public bool Any => Missing.Count + Unexpected.Count + Misshaped.Count > 0;

    /// <summary>"1 missing (a); 2 unexpected (b, c)".</summary>
    public override string ToString() => string.Join("; ",
        new[] { List("missing", Missing), List("unexpected", Unexpected), List("mis-shaped", Misshaped) }.Where(part => part.Length > 0));

    private static string List(string what, IReadOnlyList<string> names) => names.Count == 0 ? "" : $"{names.Count} {what} ({string.Join(", ", names)})";
}

/// <summary>The weight files of a model folder by their headers: one safetensors file, or shards with an index. No data is read.</summary>
internal sealed class WeightFiles
{
    private static readonly string[] Pickles = [".bin", ".pt", ".pth", ".ckpt", ".pkl"];

    /// <summary>90,000 tensors and their files take 9 MB.</summary>
    private const int LargestIndex = 32 << 20;

    private readonly string _folder;

    private WeightFiles(string folder, IReadOnlyList<SafetensorsFile> files)
    {
        (_folder, Files) = (folder, files);
        foreach (var file in files)
            foreach (var entry in file.Entries.Values)
                if (!Tensors.TryAdd(entry.Name, (file, entry)))
                    throw new UserErrorException($"{folder}: the tensor {entry.Name} stands in two files, {Tensors[entry.Name].File.Path} and {file.Path}");
    }

    public IReadOnlyList<SafetensorsFile> Files { get; }

    public Dictionary<string, (SafetensorsFile File, TensorEntry Entry)> Tensors { get; } = [];

    /// <summary>Reads the headers.</summary>
    /// <exception cref="UserErrorException">There are no weights, a file is missing or broken, or a tensor stands in two of them.</exception>
    public static WeightFiles Open(string folder) => new(folder, OpenAll(folder));

    /// <summary>Compares names and shapes.</summary>
    /// <param name="wanted">What the model needs.</param>
    /// <param name="isKnownExtra">Tensors that may stand in the files unread.</param>
    public WeightDifferences Compare(IReadOnlyList<(string Name, long[] Shape)> wanted, Func<string, bool> isKnownExtra)
    {
        var names = wanted.Select(weight => weight.Name).ToHashSet();
        return new(
            [.. wanted.Where(weight => !Tensors.ContainsKey(weight.Name)).Select(weight => weight.Name)],
            [.. Tensors.Keys.Where(name => !names.Contains(name) && !isKnownExtra(name)).Order(StringComparer.Ordinal)],
            [.. wanted.Where(weight => Tensors.TryGetValue(weight.Name, out var stored) && !stored.Entry.Shape.SequenceEqual(weight.Shape))
                .Select(weight => $"{weight.Name} is [{string.Join(", ", Tensors[weight.Name].Entry.Shape)}] and should be [{string.Join(", ", weight.Shape)}]")]);
    }

    /// <summary>Refuses weights that are not those of the model, naming every difference.</summary>
    /// <exception cref="UserErrorException">They differ.</exception>
    public void RequireFit(IReadOnlyList<(string Name, long[] Shape)> wanted, Func<string, bool> isKnownExtra)
    {
        if (Compare(wanted, isKnownExtra) is { Any: true } differences)
            throw new UserErrorException($"{_folder}: the weights do not fit config.json: {differences}");
    }

    private static List<SafetensorsFile> OpenAll(string folder)
    {
        var single = Path.Combine(folder, "model.safetensors");
        var index = single + ".index.json";
        // The single file first, as transformers looks for them.
        if (File.Exists(single)) return [SafetensorsFile.Open(single)];
        if (File.Exists(index)) return OpenShards(folder, index);
        throw new UserErrorException($"{folder}: there is neither model.safetensors nor model.safetensors.index.json{PickledIn(folder)}");
    }

    /// <summary>Pickled weights are programs: whoever opens them runs them.</summary>
    internal static string PickledIn(string folder)
    {
        var pickled = Directory.EnumerateFiles(folder).Where(file => Pickles.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase))
            .Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal).ToList();
        return pickled.Count == 0 ? ""
            : $"; pickled weights ({string.Join(", ", pickled.Take(3))}{(pickled.Count > 3 ? ", ..." : "")}) can run code and are never opened: convert them to safetensors first, "
                + "with transformers where you trust them: AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(NEW_DIR)";
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
            using var json = JsonDocument.Parse(UserFile.ReadBytes(index, "index of weights", LargestIndex));
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
                throw new UserErrorException($"{index}: expected an object with weight_map");
            var shards = map.EnumerateObject().Select(entry => entry.Value.GetString() ?? "").Distinct().Order(StringComparer.Ordinal).ToList();
            if (shards.Count == 0) throw new UserErrorException($"{index}: weight_map names no file");
            if (shards.FirstOrDefault(shard => shard.Length == 0 || shard != Path.GetFileName(shard) || shard is "." or "..") is { } outside)
                throw new UserErrorException($"{index}: weight_map names '{outside}', expected the name of a file beside it");
            return shards;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new UserErrorException($"{index}: not a valid index ({error.Message.Split('.')[0]})", error);
        }
    }
}
