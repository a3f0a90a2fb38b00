using System.Text.Json.Nodes;
using TorchSharp;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Weights;

/// <summary>Weights that are not the model's: said all at once, and before any of them is read.</summary>
public sealed class UnfitWeightsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public UnfitWeightsTests()
    {
        using var model = TinyModel.Create();
        ModelFolder.Save(_folder.Path, model.Config, model.Parameters.All, long.MaxValue);
    }

    [Fact]
    public void Missing_unexpected_and_misshaped_weights_are_listed_together_before_any_is_read()
    {
        var (header, data) = HandMade.Take(File.ReadAllBytes(Single));
        Rename(header, "model.norm.weight", "model.norm.bias");
        Rename(header, "lm_head.weight", "head.weight");
        header["model.layers.1.mlp.down_proj.weight"]!["shape"] = new JsonArray(24, 16);
        _folder.Write("model.safetensors", HandMade.Put(header, data));

        var tensors = Created();
        Assert.Equal($"{_folder.Path}: the weights do not fit config.json: 2 missing (model.norm.weight, lm_head.weight); "
            + "2 unexpected (head.weight, model.norm.bias); "
            + "1 mis-shaped (model.layers.1.mlp.down_proj.weight is [24, 16] and should be [16, 24])", Problem());
        Assert.Equal(tensors, Created());
    }

    [Fact]
    public void A_download_that_stopped_is_called_truncated()
    {
        var whole = File.ReadAllBytes(Single);
        _folder.Write("model.safetensors", whole[..^1]);
        var message = Problem();
        Assert.StartsWith($"{Single} cannot be used: the tensor ", message);
        Assert.EndsWith("the file is truncated or its header is wrong", message);
        _folder.Write("model.safetensors", whole[..100]);
        Assert.EndsWith("the file has 100; it is truncated or no safetensors file", Problem());
    }

    [Fact]
    public void A_pointer_of_git_lfs_is_no_safetensors_file()
    {
        _folder.Write("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 14483464192\n");
        Assert.EndsWith("it is truncated or no safetensors file", Problem());
    }

    [Fact]
    public void Pickled_weights_are_never_opened()
    {
        File.Delete(Single);
        Assert.Equal($"{_folder.Path}: there is neither model.safetensors nor model.safetensors.index.json", Problem());
        foreach (var name in (string[])["pytorch_model.bin", "extra.PT", "optimizer.pt", "x.ckpt"]) _folder.Write(name, "pickle");
        Assert.Equal($"{_folder.Path}: there is neither model.safetensors nor model.safetensors.index.json; pickled weights (extra.PT, optimizer.pt, pytorch_model.bin, ...) "
            + "can run code and are never opened: convert them to safetensors first, with transformers where you trust them: AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(NEW_DIR)", Problem());
    }

    [Theory]
    [InlineData("../elsewhere.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/model.safetensors")]
    [InlineData("..")]
    [InlineData("")]
    public void An_index_may_only_name_files_beside_it(string shard)
    {
        WriteIndex($$$"""{"weight_map": {"w": "{{{shard}}}"}}""");
        Assert.Equal($"{Index}: weight_map names '{shard}', expected the name of a file beside it", Problem());
    }

    [Theory]
    [InlineData("[]", "expected an object with weight_map")]
    [InlineData("{\"weight_map\": []}", "expected an object with weight_map")]
    [InlineData("{\"weight_map\": {}}", "weight_map names no file")]
    [InlineData("{\"weight_map\": {\"w\": 3}}", "not a valid index (The requested operation requires an element of type 'String', but the target element has type 'Number')")]
    [InlineData("{", "not a valid index (Expected depth to be zero at the end of the JSON payload)")]
    public void An_index_that_is_none_is_refused(string content, string problem)
    {
        WriteIndex(content);
        Assert.StartsWith($"{Index}: {problem}", Problem());
    }

    [Fact]
    public void Every_missing_shard_is_named()
    {
        WriteIndex("""{"weight_map": {"a": "model-1.safetensors", "b": "model-3.safetensors", "c": "there.safetensors", "d": "model-1.safetensors"}}""");
        _folder.Write("there.safetensors", HandMade.File("{}", 0));
        Assert.Equal($"{_folder.Path}: 2 of the 3 files that model.safetensors.index.json names are missing (model-1.safetensors, model-3.safetensors)", Problem());
    }

    [Fact]
    public void A_tensor_in_two_shards_is_refused()
    {
        foreach (var name in (string[])["a.safetensors", "b.safetensors"]) File.Copy(Single, _folder.PathOf(name));
        WriteIndex("""{"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}""");
        Assert.Equal($"{_folder.Path}: the tensor lm_head.weight stands in two files, {_folder.PathOf("a.safetensors")} and {_folder.PathOf("b.safetensors")}", Problem());
    }

    [Fact]
    public void Beside_a_single_file_an_index_is_not_asked()
    {
        _folder.Write("model.safetensors.index.json", "left over");
        ModelFolder.Load(_folder.Path, ScalarType.Float32, CPU, trainable: false).Dispose();
    }

    public void Dispose() => _folder.Dispose();

    private string Single => _folder.PathOf("model.safetensors");

    private string Index => _folder.PathOf("model.safetensors.index.json");

    private string Problem() => Assert.Throws<UserErrorException>(() => ModelFolder.Load(_folder.Path, ScalarType.Float32, CPU, trainable: false)).Message;

    private void WriteIndex(string content)
    {
        File.Delete(Single);
        File.WriteAllText(Index, content);
    }

    private static long Created()
    {
        var statistics = DisposeScopeManager.Statistics.TensorStatistics;
        return statistics.CreatedInScopeCount + statistics.CreatedOutsideScopeCount;
    }

    private static void Rename(JsonObject header, string name, string newName)
    {
        header[newName] = header[name]!.DeepClone();
        header.Remove(name);
    }
}
