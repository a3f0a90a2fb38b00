using System.Text.Json;
using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Evaluation.Parity;

/// <summary>
/// Numbers that transformers and TRL gave for a tiny model, as scripts/ and tests/ keep them: inputs.json with token ids, and for each window a folder with golden.json, tensors.safetensors, policy/ and ref/.
/// </summary>
internal sealed class GoldenSet
{
    private readonly string _folder, _window;
    private readonly JsonElement _inputs;

    /// <param name="folder">Holds inputs.json and the windows' folders.</param>
    /// <param name="window">swnone or sw8.</param>
    /// <exception cref="UserErrorException">A file is missing or is no JSON.</exception>
    public GoldenSet(string folder, string window)
    {
        (_folder, _window) = (folder, window);
        _inputs = Read(Path.Combine(folder, "inputs.json"));
        Numbers = Read(Path.Combine(folder, window, "golden.json"));
    }

    /// <summary>golden.json.</summary>
    public JsonElement Numbers { get; }

    /// <summary>Whether whole tensors are there beside the numbers.</summary>
    public bool HasTensors => File.Exists(TensorFile);

    /// <summary>Rows to fine-tune on, loss on some of their tokens.</summary>
    public List<TokenSequence> SftTrain => [.. _inputs.GetProperty("sft_train").EnumerateArray()
        .Select(row => Sequence(Ints(row.GetProperty("input_ids")), Ints(row.GetProperty("labels"))))];

    /// <summary>Pairs to align on.</summary>
    public List<TokenizedPair> DpoTrain => Pairs(_inputs.GetProperty("dpo_train"));

    /// <summary>The pairs of the single DPO step.</summary>
    public List<TokenizedPair> PairsOfStep => Pairs(_inputs.GetProperty("pairs").GetProperty("examples"));

    /// <summary>A batch without its padding.</summary>
    /// <param name="name">full or padded.</param>
    public List<TokenSequence> Batch(string name)
    {
        var batch = _inputs.GetProperty(name);
        return [.. batch.GetProperty("input_ids").EnumerateArray().Zip(batch.GetProperty("labels").EnumerateArray(), batch.GetProperty("attention_mask").EnumerateArray())
            .Select(row => (Ids: Ints(row.First), Labels: Ints(row.Second), Length: Ints(row.Third).Sum()))
            .Select(row => Sequence(row.Ids[..row.Length], row.Labels[..row.Length]))];
    }

    /// <summary>A model of the set. The windows share their weights, so that one folder of them is enough.</summary>
    /// <param name="name">policy or ref.</param>
    /// <param name="dtype">Data type of its weights.</param>
    /// <param name="device">Where it goes.</param>
    /// <param name="trainable">Whether it takes gradients.</param>
    public MistralForCausalLM Load(string name, ScalarType dtype, Device device, bool trainable)
    {
        var own = Path.Combine(_folder, _window, name);
        if (Directory.Exists(own)) return ModelFolder.Load(own, dtype, device, trainable);
        var model = ModelFolder.Load(Path.Combine(_folder, "sw8", name), dtype, device, trainable);
        return new(model.Config with { SlidingWindow = null }, model.Parameters);
    }

    /// <summary>A tensor, fp32 on the CPU.</summary>
    public Tensor TensorOf(string name)
    {
        var file = SafetensorsFile.Open(TensorFile);
        var tensor = empty(file.Entries[name].Shape, device: CPU);
        WeightReader.ReadInto(file, file.Entries[name], tensor);
        return tensor;
    }

    private string TensorFile => Path.Combine(_folder, _window, "tensors.safetensors");

    private static TokenSequence Sequence(int[] ids, int[] labels) => new(ids, [.. labels.Select(label => label != -100)]);

    private static List<TokenizedPair> Pairs(JsonElement rows) => [.. rows.EnumerateArray().Select((row, i) => new TokenizedPair(
        new RowLocation("inputs.json", i + 1, false), Ints(row.GetProperty("prompt_ids")), Ints(row.GetProperty("chosen_ids")), Ints(row.GetProperty("rejected_ids"))))];

    private static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetInt32())];

    private static JsonElement Read(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.Clone();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new UserErrorException($"--golden: {path} cannot be read ({error.Message}); expected a folder of golden numbers: inputs.json, and swnone/ and sw8/ with golden.json", error);
        }
    }
}
