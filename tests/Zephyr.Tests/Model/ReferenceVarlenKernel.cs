using Zephyr.Model;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model;

/// <summary>
/// What a varlen flash kernel computes, written out: it takes the same arguments and keeps the same things. Query i of a sequence of Q queries and S keys stands at S - Q + i and
/// sees key j where that - left &lt;= j &lt;= that; the way back starts from the kept logarithms of the softmaxes' denominators.
/// </summary>
internal sealed class ReferenceVarlenKernel : IVarlenKernel
{
    public List<VarlenLayout> Calls { get; } = [];

    public (Tensor Rows_THE, Tensor LogSumExp_HT) Forward(Tensor q_THE, Tensor k_SKE, Tensor v_SKE, VarlenLayout layout)
    {
        RequireWhatTheKernelRequires(q_THE, k_SKE, v_SKE, layout);
        Calls.Add(layout);
        List<Tensor> rows = [], sums = [];
        foreach (var (queries, keys) in Sequences(layout))
        {
            var (scores_HQS, v_HSE) = (Scores(q_THE[queries], k_SKE[keys], layout.WindowLeft), Heads(v_SKE[keys], q_THE.shape[1]));
            var sum_HQ1 = scores_HQS.logsumexp(-1, keepdim: true);
            rows.Add((scores_HQS - sum_HQ1).exp().matmul(v_HSE).transpose(0, 1));
            sums.Add(sum_HQ1.squeeze(-1));
        }
        return (cat(rows, 0).to_type(q_THE.dtype), cat(sums, 1).to_type(ScalarType.Float32));
    }

    public (Tensor Q_THE, Tensor K_SKE, Tensor V_SKE) Backward(
        Tensor gradient_THE, (Tensor Q_THE, Tensor K_SKE, Tensor V_SKE) inputs, (Tensor Rows_THE, Tensor LogSumExp_HT) outputs, VarlenLayout layout)
    {
        var (q_THE, k_SKE, v_SKE) = inputs;
        RequireWhatTheKernelRequires(q_THE, k_SKE, v_SKE, layout);
        Assert.Equal([q_THE.shape[1], q_THE.shape[0]], outputs.LogSumExp_HT.shape);
        var scale = Math.Pow(q_THE.shape[2], -0.5);
        List<Tensor> ofQ = [], ofK = [], ofV = [];
        foreach (var (queries, keys) in Sequences(layout))
        {
            var p_HQS = (Scores(q_THE[queries], k_SKE[keys], layout.WindowLeft) - outputs.LogSumExp_HT[.., queries].unsqueeze(-1)).exp();
            // Of the numbers as they were kept: the kernel has no others.
            var (g_HQE, o_HQE) = (Heads(gradient_THE[queries], q_THE.shape[1]), Heads(outputs.Rows_THE[queries], q_THE.shape[1]));
            var ofP_HQS = g_HQE.matmul(Heads(v_SKE[keys], q_THE.shape[1]).transpose(1, 2));
            var ofScores_HQS = p_HQS * (ofP_HQS - (g_HQE * o_HQE).sum([-1], keepdim: true)) * scale;
            ofQ.Add(ofScores_HQS.matmul(Heads(k_SKE[keys], q_THE.shape[1])).transpose(0, 1));
            ofK.Add(OverGroups(ofScores_HQS.transpose(1, 2).matmul(Heads(q_THE[queries], q_THE.shape[1])), k_SKE.shape[1]));
            ofV.Add(OverGroups(p_HQS.transpose(1, 2).matmul(g_HQE), k_SKE.shape[1]));
        }
        return (cat(ofQ, 0).to_type(q_THE.dtype), cat(ofK, 0).to_type(q_THE.dtype), cat(ofV, 0).to_type(q_THE.dtype));
    }

    /// <summary>What the CUDA operator checks before it starts.</summary>
    private static void RequireWhatTheKernelRequires(Tensor q_THE, Tensor k_SKE, Tensor v_SKE, VarlenLayout layout)
    {
        Assert.All(new[] { q_THE, k_SKE, v_SKE }, x => Assert.True(x.dim() == 3 && x.stride(2) == 1));
        Assert.All(new[] { layout.QueryOffsets, layout.KeyOffsets }, offsets => Assert.Equal(ScalarType.Int32, offsets.dtype));
        Assert.Equal(k_SKE.shape, v_SKE.shape);
        Assert.Equal(0, q_THE.shape[1] % k_SKE.shape[1]);
        Assert.Equal(q_THE.shape[0], layout.QueryOffsets[-1].item<int>());
        Assert.Equal(k_SKE.shape[0], layout.KeyOffsets[-1].item<int>());
    }

    private static IEnumerable<(Range Queries, Range Keys)> Sequences(VarlenLayout layout)
    {
        var (queries, keys) = (layout.QueryOffsets.data<int>().ToArray(), layout.KeyOffsets.data<int>().ToArray());
        Assert.Equal(queries.Length, keys.Length);
        for (var n = 0; n + 1 < queries.Length; n++)
        {
            Assert.InRange(queries[n + 1] - queries[n], 1, layout.MostQueries);
            Assert.InRange(keys[n + 1] - keys[n], queries[n + 1] - queries[n], layout.MostKeys);
            yield return (queries[n]..queries[n + 1], keys[n]..keys[n + 1]);
        }
    }

    private static Tensor Scores(Tensor q_QHE, Tensor k_SKE, long left)
    {
        var scores_HQS = Heads(q_QHE, q_QHE.shape[1]).matmul(Heads(k_SKE, q_QHE.shape[1]).transpose(1, 2)) * Math.Pow(q_QHE.shape[2], -0.5);
        var behind_QS = (arange(q_QHE.shape[0]).unsqueeze(1) + (k_SKE.shape[0] - q_QHE.shape[0])) - arange(k_SKE.shape[0]).unsqueeze(0);
        var hidden = behind_QS.lt(0);
        if (left >= 0) hidden |= behind_QS.gt(left);
        return scores_HQS.masked_fill(hidden, double.NegativeInfinity);
    }

    /// <summary>[T, K, E] as [H, T, E], in doubles: each key head stands for its group.</summary>
    private static Tensor Heads(Tensor x_TKE, long heads) => x_TKE.to_type(ScalarType.Float64).repeat_interleave(heads / x_TKE.shape[1], 1).transpose(0, 1);

    private static Tensor OverGroups(Tensor x_HSE, long groups) =>
        x_HSE.reshape(groups, x_HSE.shape[0] / groups, x_HSE.shape[1], x_HSE.shape[2]).sum([1]).transpose(0, 1);
}
