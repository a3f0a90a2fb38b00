using Zephyr.Data.Batches;
using Zephyr.Model;
using Zephyr.Model.Quantization;
using Zephyr.Model.Weights;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Model.Adapters;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Quantization;

/// <summary>A model whose linear maps are held in NF4 is the plain model of the rounded weights, forward and back, to the bit.</summary>
public sealed class QuantizedModelTests : IDisposable
{
    private readonly TempFolder _folder = new();

    /// <summary>Wide enough that what a matrix takes beside its codes shows.</summary>
    private static readonly MistralConfig Wide = new()
    {
        VocabSize = 50,
        HiddenSize = 128,
        IntermediateSize = 384,
        NumHiddenLayers = 2,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 32,
        MaxPositionEmbeddings = 64,
        InitializerRange = 0.1,
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true, ScalarType.Float32)]
    [InlineData(true, ScalarType.BFloat16)]
    [InlineData(false, ScalarType.BFloat16)]
    public void Outputs_and_gradients_are_those_of_the_rounded_weights(bool nested, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        Save();
        using var quantized = Load(new(nested), dtype).With(TinyAdapter.Config(dropout: 0.2));
        using var plain = Plain(quantized).With(TinyAdapter.Config(dropout: 0.2));
        var batch = RaggedBatch.Of([[1, 2, 3, 4, 5, 6, 7], [8, 9, 10]]);
        using var gradient = rand([10, Wide.HiddenSize], dtype);
        var gradients = new[] { quantized, plain }.Select(model =>
        {
            model.Dropout.Begin(3, 1, 0);
            using var pass = model.Forward(batch);
            pass.Backward(gradient);
            return model.Learned.Weights.Select(weight => weight.Gradient!).Prepend(pass.Hidden_TD.clone()).ToList();
        }).ToList();
        foreach (var (one, other) in gradients[0].Zip(gradients[1])) Same(one, other);
        Assert.Equal(1 + 2 * 7 * Wide.NumHiddenLayers, gradients[0].Count);
    }

    /// <summary>d loss / d x = d loss / d y W, with W as it is held: for one projection, alone and added to what others left.</summary>
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void The_way_back_through_one_projection_is_the_plain_ones(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var matrix = Nf4Matrix.Quantize(rand(24, 40) - 0.5, nested: true);
        using var parameters = new ParameterSet();
        parameters.Add("whole", matrix.Dequantize(dtype));
        var (held, whole) = (new Nf4Map(matrix), parameters.MapOf("whole"));
        var (x, gradient, left) = (rand([5, 40], dtype), rand([5, 24], dtype), rand([5, 40], dtype));
        Same(whole.Forward(x), held.Forward(x));
        Same(whole.Backward(gradient), held.Backward(gradient));
        var (one, other) = (left.clone(), left.clone());
        whole.Backward(gradient, one);
        held.Backward(gradient, other);
        Same(one, other);
        held.AddGradient(x, gradient);
        Assert.False(held.Learns);
    }

    [Fact]
    public void Linear_maps_of_the_layers_take_four_bits_and_an_eighth_and_nothing_else_is_touched()
    {
        using var scope = NewDisposeScope();
        Save();
        using var model = Load(new(Nested: true), ScalarType.BFloat16);
        var maps = Wide.Weights.Where(weight => weight.Name.EndsWith("_proj.weight", StringComparison.Ordinal)).ToList();
        Assert.Equal(7 * Wide.NumHiddenLayers, maps.Count);
        Assert.Equal(maps.Select(weight => weight.Name), model.Parameters.Quantized.Select(entry => entry.Key));
        Assert.Equal(Wide.Weights.Select(weight => weight.Name).Except(maps.Select(weight => weight.Name)), model.Parameters.All.Select(entry => entry.Key));
        Assert.All(model.Parameters.All, entry => Assert.Equal(ScalarType.BFloat16, entry.Value.dtype));
        Assert.Equal(Wide.ParameterCount, model.Parameters.Count);
        var (bytes, count) = (model.Parameters.Quantized.Sum(entry => entry.Value.Bytes), model.Parameters.Quantized.Sum(entry => entry.Value.Count));
        Assert.InRange(8.0 * bytes / count, 4.126, 4.130);
        Assert.Equal(bytes, maps.Sum(weight => new Nf4Settings(true).BytesOf(weight.Shape[0] * weight.Shape[1])));
        using var single = Load(new(Nested: false), ScalarType.BFloat16);
        Assert.Equal(4.5, 8.0 * single.Parameters.Quantized.Sum(entry => entry.Value.Bytes) / count, 1e-9);
        Assert.Equal(single.Parameters.Quantized.Sum(entry => entry.Value.Bytes), maps.Sum(weight => new Nf4Settings(false).BytesOf(weight.Shape[0] * weight.Shape[1])));
    }

    /// <summary>What is quantized are the file's numbers: the data type that a run computes in does not round them first.</summary>
    [Fact]
    public void Codes_do_not_depend_on_the_runs_data_type()
    {
        using var scope = NewDisposeScope();
        Save();
        using MistralForCausalLM exact = Load(new(true), ScalarType.Float32), half = Load(new(true), ScalarType.BFloat16);
        foreach (var (one, other) in exact.Parameters.Quantized.Zip(half.Parameters.Quantized))
            foreach (var (a, b) in one.Value.Tensors.Zip(other.Value.Tensors)) Same(a, b);
    }

    private static MistralForCausalLM Plain(MistralForCausalLM quantized)
    {
        var parameters = new ParameterSet();
        foreach (var (name, weight) in quantized.Parameters.All) parameters.Add(name, weight.detach().clone());
        foreach (var (name, matrix) in quantized.Parameters.Quantized) parameters.Add(name, matrix.Dequantize(quantized.Parameters[WeightNames.Embedding].dtype));
        return new(quantized.Config, parameters);
    }

    private void Save()
    {
        using var fresh = FreshModel.Create(Wide, 3, CPU);
        ModelFolder.Save(_folder.Path, Wide, fresh.Parameters.All, long.MaxValue);
    }

    private MistralForCausalLM Load(Nf4Settings held, ScalarType dtype) => ModelFolder.LoadPlain(_folder.Path, dtype, CPU, trainable: false, held);

    private static void Same(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(expected.equal(actual).all().item<bool>());
    }
}
