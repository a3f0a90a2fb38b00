using System.Text.Json;
using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Weights;
using static TorchSharp.torch;

namespace Zephyr.Tests.Golden;

/// <summary>
/// Numbers from HF transformers and TRL on tiny Mistral models (Golden/model/README.md says the versions and conventions).
/// The window-8 set is committed whole; without a window only the trajectories are, on the same weights.
/// </summary>
internal sealed class GoldenModel : IDisposable
{
    private static readonly string Root = Path.Combine(SharedFolder.RepositoryRoot, "tests", "Zephyr.Tests", "Golden", "model");
    private static readonly Lazy<JsonDocument> InputFile = new(() => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, "inputs.json"))));
    private readonly string _window;
    private readonly List<IDisposable> _owned = [];

    public GoldenModel(string window)
    {
        _window = window;
        Numbers = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, window, "golden.json"))).RootElement;
    }

    public static JsonElement Inputs => InputFile.Value.RootElement;

    public JsonElement Numbers { get; }

    public MistralForCausalLM Load(string name, bool trainable = true)
    {
        var model = ModelFolder.Load(Path.Combine(Root, "sw8", name), ScalarType.Float32, CPU, trainable);
        if (_window == "swnone") model = new(model.Config with { SlidingWindow = null }, model.Parameters);
        _owned.Add(model);
        return model;
    }

    /// <summary>A tensor of tensors.safetensors; skips without the reference data where only the window-8 one is committed.</summary>
    public Tensor TensorOf(string name)
    {
        var path = _window == "sw8" ? Path.Combine(Root, "sw8", "tensors.safetensors") : SharedFolder.PathOf("golden/model/swnone/tensors.safetensors");
        return ReadTensor(path, name);
    }

    public Tensor WeightAfter(string run, string name)
    {
        var path = _window == "sw8" ? Path.Combine(Root, "sw8", run, "model.safetensors") : SharedFolder.PathOf($"golden/model/swnone/{run}/model.safetensors");
        return ReadTensor(path, name);
    }

    /// <summary>Rows with unshifted labels, -100 where ignored; padding (attention mask 0) cut off.</summary>
    public static List<TokenSequence> Sequences(JsonElement rows, JsonElement labels, JsonElement? masks = null)
    {
        var sequences = new List<TokenSequence>();
        for (var i = 0; i < rows.GetArrayLength(); i++)
        {
            var ids = Ints(rows[i]);
            var length = masks is { } mask ? Ints(mask[i]).Sum() : ids.Length;
            sequences.Add(new(ids[..length], [.. Ints(labels[i])[..length].Select(label => label != -100)]));
        }
        return sequences;
    }

    public static List<TokenSequence> SftTrain => [.. Inputs.GetProperty("sft_train").EnumerateArray()
        .Select(row => new TokenSequence(Ints(row.GetProperty("input_ids")), [.. Ints(row.GetProperty("labels")).Select(label => label != -100)]))];

    public static List<TokenizedPair> Pairs(JsonElement rows) => [.. rows.EnumerateArray().Select((row, i) => new TokenizedPair(
        new RowLocation("inputs.json", i + 1, false), Ints(row.GetProperty("prompt_ids")), Ints(row.GetProperty("chosen_ids")), Ints(row.GetProperty("rejected_ids"))))];

    public static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetInt32())];

    public static double[] Doubles(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetDouble())];

    public void Dispose() => _owned.ForEach(model => model.Dispose());

    private static Tensor ReadTensor(string path, string name)
    {
        var file = SafetensorsFile.Open(path);
        var tensor = empty(file.Entries[name].Shape);
        WeightReader.ReadInto(file, file.Entries[name], tensor);
        return tensor;
    }
}

/// <summary>"Equal to 1e-5" means max|a - b| &lt;= 1e-5 max|b|, per tensor.</summary>
internal static class Near
{
    public static void Equal(Tensor expected, Tensor actual, double tolerance, string what)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        var difference = (actual.to_type(ScalarType.Float64) - expected.to_type(ScalarType.Float64)).abs().max().item<double>();
        var size = expected.abs().max().to_type(ScalarType.Float64).item<double>();
        Assert.True(difference <= tolerance * size, $"{what}: differs by {difference:E2} where the largest is {size:E2} ({difference / size:E2} of it)");
    }

    public static void Equal(double expected, double actual, double tolerance, string what) =>
        Assert.True(Math.Abs(actual - expected) <= tolerance * Math.Abs(expected), $"{what}: {actual:R}, expected {expected:R}");
}
