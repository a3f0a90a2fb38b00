using TorchSharp;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>
/// Which keys a query sees, for the kernels that take a mask: one for each size, made in the first layer and kept for the layers to come. 0 where a key is seen and -infinity where not, in the queries'
/// data type, so that no layer has to make it of a truth table.
/// </summary>
/// <param name="window">The most keys that a query sees; null for all before it.</param>
internal sealed class CausalMasks(int? window) : IDisposable
{
    private static readonly Scalar NotSeen = double.NegativeInfinity;

    private readonly Dictionary<(long Queries, long Keys), Tensor> _masks = [];

    /// <summary>The last query sees the last key: query i stands at keys - queries + i, and sees key j where that - window &lt; j &lt;= that.</summary>
    /// <param name="queries">Tq</param>
    /// <param name="keys">Tk</param>
    /// <param name="like">Gives data type and device, the same for all.</param>
    /// <returns>[Tq, Tk]; it stays this one's.</returns>
    public Tensor Of(long queries, long keys, Tensor like)
    {
        if (_masks.TryGetValue((queries, keys), out var mask)) return mask;
        using var scope = NewDisposeScope();
        var seen = ones(queries, keys, dtype: ScalarType.Bool, device: like.device).tril(keys - queries);
        if (keys > window) seen &= ones_like(seen).triu(keys - queries + 1 - window.Value);
        mask = zeros(queries, keys, dtype: like.dtype, device: like.device).masked_fill_(seen.logical_not(), NotSeen).DetachFromDisposeScope();
        return _masks[(queries, keys)] = mask;
    }

    /// <summary>Frees the masks; others may be made.</summary>
    public void Dispose()
    {
        foreach (var mask in _masks.Values) mask.Dispose();
        _masks.Clear();
    }
}
