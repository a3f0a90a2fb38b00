using TorchSharp;
using static TorchSharp.torch;

namespace Zephyr.Runtime;

public static partial class TorchOps
{
    /// <summary>
    /// One call for sequences of any length, causal: where a sequence has fewer queries than keys, its last query sees its last key. The operators keep the random numbers of a
    /// dropout, of which there is none here: the way back is given a state that it does not read (of data type 4, int64). The script compiles everywhere, as schemas do not depend on the build; it runs on CUDA.
    /// </summary>
    private static readonly Lazy<jit.CompilationUnit> Flash = Compiled("""
        def forward(q: Tensor, k: Tensor, v: Tensor, cum_q: Tensor, cum_k: Tensor, max_q: int, max_k: int, left: int):
            rows, log_sum_exp, state, unused, mask = torch._flash_attention_forward(q, k, v, cum_q, cum_k, max_q, max_k, 0.0, True, False,
                window_size_left=left, window_size_right=0)
            return [rows, log_sum_exp]
        def backward(gradient: Tensor, q: Tensor, k: Tensor, v: Tensor, rows: Tensor, log_sum_exp: Tensor, cum_q: Tensor, cum_k: Tensor, max_q: int, max_k: int, left: int):
            state = torch.zeros([2], dtype=4, device=q.device)
            of_q, of_k, of_v = torch._flash_attention_backward(gradient, q, k, v, rows, log_sum_exp, cum_q, cum_k, max_q, max_k, 0.0, True, state, state,
                window_size_left=left, window_size_right=0)
            return [of_q, of_k, of_v]
        """);

    /// <summary>FlashAttention 2 over sequences of any length. Shapes: T queries, S keys, H heads, K key heads, E width of a head.</summary>
    /// <param name="query">[T, H, E], bf16 or fp16, on CUDA.</param>
    /// <param name="key">[S, K, E]</param>
    /// <param name="value">[S, K, E]</param>
    /// <param name="layout">Whose rows they are.</param>
    /// <returns>[T, H, E], and the logarithms of the softmaxes' denominators, [H, T] fp32.</returns>
    public static (Tensor Rows, Tensor LogSumExp) FlashAttention(Tensor query, Tensor key, Tensor value, VarlenLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        using Scalar mostQueries = layout.MostQueries, mostKeys = layout.MostKeys, left = layout.WindowLeft;
        var found = (Tensor[])Flash.Value.invoke("forward", query, key, value, layout.QueryOffsets, layout.KeyOffsets, mostQueries, mostKeys, left);
        return (found[0], found[1]);
    }

    /// <summary>The way back of <see cref="FlashAttention"/>: d loss / d query, key and value.</summary>
    /// <param name="gradient">[T, H, E]</param>
    /// <param name="inputs">What the way forward was given.</param>
    /// <param name="outputs">What it returned.</param>
    /// <param name="layout">As there.</param>
    public static (Tensor Query, Tensor Key, Tensor Value) FlashAttentionBackward(
        Tensor gradient, (Tensor Query, Tensor Key, Tensor Value) inputs, (Tensor Rows, Tensor LogSumExp) outputs, VarlenLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        using Scalar mostQueries = layout.MostQueries, mostKeys = layout.MostKeys, left = layout.WindowLeft;
        var found = (Tensor[])Flash.Value.invoke("backward", gradient, inputs.Query, inputs.Key, inputs.Value, outputs.Rows, outputs.LogSumExp,
            layout.QueryOffsets, layout.KeyOffsets, mostQueries, mostKeys, left);
        return (found[0], found[1], found[2]);
    }
}

/// <summary>Sequences of any length, laid end to end, as a kernel is told of them.</summary>
/// <param name="QueryOffsets">[N + 1] int32: sequence n's queries are rows from n's to the next one's.</param>
/// <param name="KeyOffsets">[N + 1] int32: the same of keys and values.</param>
/// <param name="MostQueries">Of a sequence.</param>
/// <param name="MostKeys">Of a sequence.</param>
/// <param name="WindowLeft">How many keys before its own place a query sees; -1 for all.</param>
public sealed record VarlenLayout(Tensor QueryOffsets, Tensor KeyOffsets, long MostQueries, long MostKeys, long WindowLeft);
