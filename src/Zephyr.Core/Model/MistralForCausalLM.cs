using Zephyr.Data.Batches;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Model;

/// <summary>
/// Mistral: embedding, decoder layers, final norm, head. It returns hidden states; which rows meet the vocabulary is the
/// objective's business (decision 2). Owns its parameters.
/// </summary>
public sealed class MistralForCausalLM : IDisposable
{
    private readonly Tensor _embedding_VD;
    private readonly DecoderLayer[] _layers;
    private readonly RmsNorm _finalNorm;
    private readonly RotaryEmbedding _rotary;

    /// <param name="config">The shape.</param>
    /// <param name="parameters">Every weight that <see cref="MistralConfig.Weights"/> lists; the model takes them over.</param>
    public MistralForCausalLM(MistralConfig config, ParameterSet parameters)
    {
        Config = config;
        Parameters = parameters;
        _embedding_VD = parameters[WeightNames.Embedding];
        _layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(index => new DecoderLayer(config, parameters, index))];
        _finalNorm = new(parameters[WeightNames.FinalNorm], config.RmsNormEps);
        _rotary = new(config.HeadDim, config.RopeTheta, _embedding_VD.device);
    }

    /// <summary>The shape.</summary>
    public MistralConfig Config { get; }

    /// <summary>The weights.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>Where the weights are.</summary>
    public Device Device => _embedding_VD.device;

    /// <summary>The head, [V, D]; the embedding itself where the two are tied.</summary>
    public Tensor Head_VD => Config.TieWordEmbeddings ? _embedding_VD : Parameters[WeightNames.Head];

    /// <summary>Runs a batch and keeps what a later backward pass needs: the whole graph, or each layer's input only.</summary>
    /// <param name="batch">T tokens.</param>
    /// <param name="recompute">Keep each layer's input only and recompute the rest in the backward pass.</param>
    public ForwardPass Forward(RaggedBatch batch, bool recompute = false)
    {
        CheckIds(batch.TokenIds);
        return new(this, batch, recompute && is_grad_enabled());
    }

    /// <summary>Hidden states after the final norm, [T, D], attached to the graph where gradients are enabled.</summary>
    public Tensor HiddenStates(RaggedBatch batch)
    {
        CheckIds(batch.TokenIds);
        using var pattern = new RaggedCausalAttention(batch, Config.SlidingWindow);
        return HiddenStates(batch.TokenIds, batch.Positions, pattern);
    }

    /// <summary>Scores over the vocabulary, [R, V], fp32: for generation and parity tests only.</summary>
    /// <param name="hidden_RD">Rows of hidden states.</param>
    public Tensor Logits(Tensor hidden_RD) => linear(hidden_RD, Head_VD).to_type(ScalarType.Float32);

    internal int LayerCount => _layers.Length;

    internal Tensor HiddenStates(int[] tokenIds, int[] positions, IAttentionPattern pattern)
    {
        using var scope = NewDisposeScope();
        var rotation = RotationAt(positions);
        var x_TD = Embed(tokenIds);
        for (var i = 0; i < _layers.Length; i++)
        {
            // Under no_grad nothing else holds the last layer's output, so it is freed as the next one is done.
            var next = RunLayer(i, x_TD, rotation, pattern);
            x_TD.Dispose();
            x_TD = next;
        }
        return Normalize(x_TD).MoveToOuterDisposeScope();
    }

    internal Tensor Embed(int[] tokenIds) => _embedding_VD.index_select(0, tensor(tokenIds, ScalarType.Int64, Device));

    internal RotaryEmbedding.Rotation RotationAt(int[] positions) => _rotary.At(positions, _embedding_VD.dtype);

    internal Tensor RunLayer(int index, Tensor x_TD, RotaryEmbedding.Rotation rotation, IAttentionPattern pattern) =>
        _layers[index].Forward(x_TD, rotation, pattern);

    internal Tensor Normalize(Tensor x_TD)
    {
        using var scope = NewDisposeScope();
        return _finalNorm.Forward(x_TD).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => Parameters.Dispose();

    private void CheckIds(int[] tokenIds)
    {
        foreach (var id in tokenIds)
            if ((uint)id >= (uint)Config.VocabSize)
                throw new ArgumentOutOfRangeException(nameof(tokenIds), $"token id {id} is outside the vocabulary of {Config.VocabSize}");
    }
}
