using Zephyr.Data.Batches;
using static TorchSharp.torch;

namespace Zephyr.Model.Generation;

/// <summary>
/// How many rows a pass is given, so that a row's numbers do not depend on how many there are. Matrix products take other kernels, with other last bits, for few rows than
/// for many, and where the borders are goes by the processor, the threads and the shape: which counts agree with the largest is tried, on one layer and the head.
/// </summary>
internal sealed class RowCounts
{
    /// <summary>The smallest count that ever agrees, and what the largest is rounded up to.</summary>
    private const int Least = 4, Together = 16;

    private readonly List<int> _counts = [];

    /// <param name="model">The model.</param>
    /// <param name="most">The most sequences in a pass.</param>
    public RowCounts(MistralForCausalLM model, int most)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator(1, CPU);
        var largest = (most + Together - 1) / Together * Together;
        var x_MD = empty(largest, model.Config.HiddenSize).normal_(0, 1, generator).to(model.Parameters[WeightNames.Embedding].dtype, model.Device);
        var scores_MV = Pass(model, x_MD, 0);
        for (var count = Least; count < largest; count *= 2)
        {
            // As the first rows and as the last ones: kernels treat the rest of a division by itself.
            if (Agree(0) && Agree(largest - count)) _counts.Add(count);
            bool Agree(int start)
            {
                using var trial = NewDisposeScope();
                return Pass(model, x_MD.narrow(0, start, count), start).eq(scores_MV.narrow(0, start, count)).all().item<bool>();
            }
        }
        _counts.Add(largest);
    }

    /// <summary>The rows for that many sequences; those beyond them are padding.</summary>
    public int For(int sequences) => _counts.Find(count => count >= sequences);

    private static Tensor Pass(MistralForCausalLM model, Tensor x_MD, int start)
    {
        var count = (int)x_MD.shape[0];
        // Every row by itself: attention is the same call for each, whatever their number.
        int[][] rows = [.. Enumerable.Range(0, count).Select(_ => new[] { 0 })];
        using var pattern = RaggedCausalAttention.Of(RaggedBatch.Of(rows), model.Config.SlidingWindow, kernel: null);
        var rotation = model.RotationAt([.. Enumerable.Range(start, count)]);
        return model.Logits(model.FinalNorm.Forward(model.Layers[0].Forward(x_MD.contiguous(), rotation, pattern)));
    }
}
