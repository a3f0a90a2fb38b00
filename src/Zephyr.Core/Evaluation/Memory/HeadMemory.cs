using Zephyr.Model;
using Zephyr.Objectives;

namespace Zephyr.Evaluation.Memory;

/// <summary>What it takes for labelled rows to meet the vocabulary, in bytes, by the order of <c>LabelLogProbs</c>. V rows of the head, D hidden size, C rows of a chunk, w bytes of a number.</summary>
/// <param name="shape">The model.</param>
/// <param name="width">w.</param>
/// <param name="learns">Whether it takes a gradient.</param>
internal sealed class HeadMemory(MistralConfig shape, int width, bool learns)
{
    private readonly long _v = shape.VocabSize, _d = shape.HiddenSize, _w = width;

    /// <summary>The most rows of a chunk.</summary>
    private long RowsAtOnce => LogitsWorkspace.RowsOf(shape.VocabSize, LogitsWorkspace.UsualBytes);

    /// <summary>The buffer of the logits, 4 C V for as many rows as fit 128 MiB, or sixteen times the first that come where that is less; it stays.</summary>
    public long Workspace(int labels) => 4 * _v * Math.Min(RowsAtOnce, 16L * labels);

    /// <summary>What of it is ever written to: the rows of the largest chunk. The system gives a process no memory for the rest.</summary>
    public long Written(int labels) => 4 * _v * Math.Min(RowsAtOnce, labels);

    /// <summary>
    /// A chunk there and back: its rows, d loss / d those and the rows times their coefficients, w 3 C D; in bf16 besides the logits and the slopes as the products see them, w 2 C V, and the head's
    /// gradient before it is added to the fp32 sum, w V D and 4 V D where it learns. In DPO on the CPU the mean row of a bf16 head is taken of an fp32 copy, 4 V D.
    /// </summary>
    public long Chunk(int labels, bool pairs)
    {
        var rows = Math.Min(RowsAtOnce, labels);
        var products = 3 * _w * rows * _d + (_w == 4 ? 0 : 2 * _w * rows * _v + (learns ? (_w + 4) * _v * _d : 0));
        return pairs && _w == 2 ? Math.Max(products, 4 * _v * _d) : products;
    }
}
