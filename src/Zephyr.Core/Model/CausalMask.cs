using TorchSharp;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>Which keys a query sees, for the kernels that take a mask.</summary>
internal static class CausalMask
{
    private static readonly Scalar NotSeen = double.NegativeInfinity;

    /// <summary>
    /// The last query sees the last key: query i stands at keys - queries + i, and sees key j where that - window &lt; j &lt;= that. 0 where it does and -infinity where not, in the queries' data type, so that
    /// no layer has to make it of a truth table.
    /// </summary>
    /// <param name="queries">Tq</param>
    /// <param name="keys">Tk</param>
    /// <param name="window">The most keys that a query sees; null for all before it.</param>
    /// <param name="like">Gives data type and device.</param>
    /// <returns>[Tq, Tk], of no scope: the first layer asks, and it serves the others too.</returns>
    public static Tensor Of(long queries, long keys, int? window, Tensor like)
    {
        using var scope = NewDisposeScope();
        var seen = ones(queries, keys, dtype: ScalarType.Bool, device: like.device).tril(keys - queries);
        if (keys > window) seen &= ones_like(seen).triu(keys - queries + 1 - window.Value);
        return zeros(queries, keys, dtype: like.dtype, device: like.device).masked_fill_(seen.logical_not(), NotSeen).DetachFromDisposeScope();
    }
}
