using Zephyr.Model;

namespace Zephyr.Evaluation.Memory;

/// <summary>What passes through the model take, in bytes, by the order in which <c>ForwardPass</c> and <c>MistralForCausalLM</c> keep and free things.</summary>
/// <param name="shape">The model.</param>
/// <param name="width">Bytes of a number: 4, or 2 in bf16.</param>
/// <param name="recomputeEvery">Every k-th layer leaves its input only and is run again on the way back; 0 for none.</param>
/// <param name="learns">What learns in a layer.</param>
/// <param name="lowest">The lowest layer in which something does: those below leave nothing.</param>
internal sealed class PassMemory(MistralConfig shape, int width, int recomputeEvery, LayerLearning learns, int lowest = 0)
{
    private readonly LayerMemory _layer = new(shape, width, learns);

    /// <summary>Of a policy.</summary>
    public static PassMemory Of(MemorySetup setup)
    {
        if (setup.Adapter is not { } adapter) return new(setup.Model, setup.Width, setup.RecomputeEvery, new(Weights: true, DropsLast: false));
        var modules = adapter.ModulesOf(setup.Model).Select(module => module.Module).ToList();
        var lowest = Enumerable.Range(0, setup.Model.NumHiddenLayers).FirstOrDefault(layer => modules.Exists(module => module.StartsWith(WeightNames.Layer(layer) + ".", StringComparison.Ordinal)));
        var last = WeightNames.Module(lowest, "down_proj");
        return new(setup.Model, setup.Width, setup.RecomputeEvery, new(Weights: false, DropsLast: setup.Dropout > 0 && modules.Contains(last)), lowest);
    }

    /// <summary>After the last layer: what every layer left, the last one's output, the hidden states behind the final norm, its scale, the angles of rotation and the masks.</summary>
    public long Kept(PassShape pass) => Layers.Sum(i => Left(pass, i)) + 2 * _layer.Stream(pass.Tokens) + Standing(pass);

    /// <summary>The most while the pass runs: at the end of a layer, with what the layers below left.</summary>
    public long Forward(PassShape pass)
    {
        var (below, most) = (Standing(pass), 0L);
        foreach (var i in Layers)
        {
            below += Left(pass, i);
            var input = i < lowest ? _layer.Stream(pass.Tokens) : 0;
            most = Math.Max(most, below + input + _layer.Stream(pass.Tokens) + (i < lowest || IsRunAgain(i) ? _layer.Unrecorded(pass) : _layer.Recorded(pass)));
        }
        return Math.Max(most, Kept(pass) + FinalNorm(pass));
    }

    /// <summary>The most while the pass goes back, what it kept included: at the top layer, or at the topmost one that is run again.</summary>
    public long Backward(PassShape pass)
    {
        var (kept, most) = (Kept(pass) + _layer.Stream(pass.Tokens), 0L); // The gradient of a layer's output becomes that of its input.
        foreach (var i in Layers.Skip(lowest).Reverse())
        {
            var again = IsRunAgain(i) ? _layer.Kept(pass) - _layer.Stream(pass.Tokens) : 0;
            var output = IsRunAgain(i) ? _layer.Stream(pass.Tokens) : 0;
            most = Math.Max(most, kept + again + output + (IsRunAgain(i) ? Math.Max(_layer.Recorded(pass), _layer.Backward(pass)) : _layer.Backward(pass)));
            kept -= Left(pass, i);
        }
        return most;
    }

    /// <summary>A pass that leaves nothing: a reference's, or an evaluation's. A layer's input and output, and what comes and goes in it.</summary>
    public long Unrecorded(PassShape pass) => Standing(pass) + 2 * _layer.Stream(pass.Tokens) + _layer.Unrecorded(pass);

    private IEnumerable<int> Layers => Enumerable.Range(0, shape.NumHiddenLayers);

    private bool IsRunAgain(int layer) => recomputeEvery > 0 && layer % recomputeEvery == 0;

    private long Left(PassShape pass, int layer) => layer < lowest ? 0 : IsRunAgain(layer) ? _layer.Stream(pass.Tokens) : _layer.Kept(pass);

    /// <summary>Norms on the way to the hidden states.</summary>
    private long FinalNorm(PassShape pass) => pass.Tokens * shape.HiddenSize * (width == 4 ? 0 : 12);

    /// <summary>Cosines and sines, w T E, the final norm's scale, 4 T, and a mask of w queries x keys for every size of a sequence behind a prefix or beyond the window.</summary>
    private long Standing(PassShape pass) => pass.Tokens * (width * (long)shape.HeadDim + 4)
        + pass.Sequences.Where(sequence => sequence.Prefix > 0 || sequence.Length > shape.SlidingWindow).Distinct()
            .Sum(sequence => width * (long)sequence.Length * (sequence.Prefix + sequence.Length));
}
