using Zephyr.Data.Batches;
using Zephyr.Model.Adapters;
using Zephyr.Runtime;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Model;

/// <summary>
/// Mistral: embedding, decoder layers, final norm, head. It returns hidden states; which rows meet the vocabulary is the
/// objective's business (decision 2). Owns its parameters, and the adapter that is attached to it.
/// </summary>
public sealed class MistralForCausalLM : IDisposable
{
    private readonly Weight _embedding_VD;
    private readonly RotaryEmbedding _rotary;
    private LoraAdapter? _attached;

    /// <param name="config">The shape.</param>
    /// <param name="parameters">Every weight that <see cref="MistralConfig.Weights"/> lists; the model takes them over.</param>
    public MistralForCausalLM(MistralConfig config, ParameterSet parameters)
    {
        Config = config;
        Parameters = parameters;
        _embedding_VD = parameters.Of(WeightNames.Embedding);
        Head = config.TieWordEmbeddings ? _embedding_VD : parameters.Of(WeightNames.Head);
        Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(index => new DecoderLayer(config, parameters, index))];
        FinalNorm = new(parameters.Of(WeightNames.FinalNorm), config.RmsNormEps);
        _rotary = new(config.HeadDim, config.RopeTheta, Device);
        ChooseAttention(AttentionChoice.Auto);
    }

    /// <summary>The shape.</summary>
    public MistralConfig Config { get; }

    /// <summary>The weights.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>Where the weights are.</summary>
    public Device Device => _embedding_VD.Value.device;

    /// <summary>The head, [V, D]; the embedding itself where the two are tied.</summary>
    public Weight Head { get; }

    /// <summary>The head's numbers, [V, D].</summary>
    public Tensor Head_VD => Head.Value;

    /// <summary>Takes whole batches at once; null where attention goes sequence by sequence.</summary>
    internal IVarlenKernel? AttentionKernel { get; set; }

    internal IReadOnlyList<DecoderLayer> Layers { get; }

    internal RmsNorm FinalNorm { get; }

    /// <summary>The adapter that is on; null for none.</summary>
    public LoraAdapter? Adapter { get; private set; }

    /// <summary>What is trained: the adapter's factors where one is attached, else all weights.</summary>
    public ParameterSet Learned => _attached?.Parameters ?? Parameters;

    /// <summary>Told by the training loop which micro-batch is under way.</summary>
    public DropoutClock Dropout { get; } = new();

    internal bool EmbeddingLearns => _embedding_VD.Learns;

    /// <summary>The lowest layer that the way back has to reach; the number of layers where there is none.</summary>
    internal int LowestThatLearns
    {
        get
        {
            if (EmbeddingLearns) return 0;
            var lowest = 0;
            while (lowest < Layers.Count && !Layers[lowest].Learns) lowest++;
            return lowest;
        }
    }

    /// <summary>Takes an adapter over and switches it on. From here on the weights themselves are frozen.</summary>
    public void Attach(LoraAdapter adapter)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        if (_attached is not null) throw new InvalidOperationException("an adapter is attached already");
        Parameters.RequireGradients(false);
        _attached = adapter;
        Switch(adapter);
    }

    /// <summary>Another adapter, or none, until the result is disposed of: the reference is the same model so. No pass may be under way.</summary>
    /// <param name="adapter">Not owned; null switches adapters off.</param>
    public IDisposable With(LoraAdapter? adapter)
    {
        var before = Adapter;
        Switch(adapter);
        return new Restoring(() => Switch(before));
    }

    /// <summary>Sets which way attention goes; a model begins with <see cref="AttentionChoice.Auto"/>.</summary>
    /// <param name="implementation">auto, sdpa or flash_attention_2.</param>
    /// <exception cref="UserErrorException">It cannot go that way; the message says why.</exception>
    public void ChooseAttention(string implementation) =>
        AttentionKernel = AttentionChoice.Of(implementation, Device, _embedding_VD.Value.dtype, Config.HeadDim, FlashProbe.Problem);

    /// <summary>Runs a batch and keeps what the way back needs.</summary>
    /// <param name="batch">T tokens.</param>
    /// <param name="recomputeEvery">0: every layer keeps what its way back needs; 1: each layer keeps its input only and is run again on the way back; k: every k-th does.</param>
    public ForwardPass Forward(RaggedBatch batch, int recomputeEvery = 0)
    {
        CheckIds(batch.TokenIds);
        return new(this, batch, recomputeEvery);
    }

    /// <summary>Hidden states after the final norm, [T, D], attached to the graph where gradients are enabled.</summary>
    public Tensor HiddenStates(RaggedBatch batch)
    {
        CheckIds(batch.TokenIds);
        using var pattern = RaggedCausalAttention.Of(batch, Config.SlidingWindow, AttentionKernel);
        return HiddenStates(batch.TokenIds, batch.Positions, pattern);
    }

    /// <summary>Scores over the vocabulary, [R, V], fp32: for generation and parity tests only.</summary>
    /// <param name="hidden_RD">Rows of hidden states.</param>
    public Tensor Logits(Tensor hidden_RD) => linear(hidden_RD, Head_VD).to_type(ScalarType.Float32);

    internal Tensor HiddenStates(int[] tokenIds, int[] positions, IAttentionPattern pattern)
    {
        using var scope = NewDisposeScope();
        var rotation = RotationAt(positions);
        var x_TD = Embed(tokenIds);
        foreach (var layer in Layers)
        {
            // Under no_grad nothing else holds the last layer's output, so it is freed as the next one is done.
            var next = layer.Forward(x_TD, rotation, pattern);
            x_TD.Dispose();
            x_TD = next;
        }
        return FinalNorm.Forward(x_TD).MoveToOuterDisposeScope();
    }

    internal Tensor Embed(int[] tokenIds) => _embedding_VD.Value.index_select(0, tensor(tokenIds, ScalarType.Int64, Device));

    internal void EmbedBackward(int[] tokenIds, Tensor gradient_TD) => _embedding_VD.AddRows(tensor(tokenIds, ScalarType.Int64, Device), gradient_TD);

    internal RotaryEmbedding.Rotation RotationAt(int[] positions) => _rotary.At(positions, _embedding_VD.Value.dtype);

    /// <inheritdoc/>
    public void Dispose()
    {
        _attached?.Dispose();
        Parameters.Dispose();
    }

    private void Switch(LoraAdapter? adapter)
    {
        Adapter = adapter;
        foreach (var map in Layers.SelectMany(layer => layer.Projections)) map.Adapter = adapter?.MapOf(map.Module);
    }

    private sealed class Restoring(Action restore) : IDisposable
    {
        public void Dispose() => restore();
    }

    private void CheckIds(int[] tokenIds)
    {
        foreach (var id in tokenIds)
            if ((uint)id >= (uint)Config.VocabSize)
                throw new ArgumentOutOfRangeException(nameof(tokenIds), $"token id {id} is outside the vocabulary of {Config.VocabSize}");
    }
}
