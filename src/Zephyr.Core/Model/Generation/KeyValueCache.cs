using static TorchSharp.torch;

namespace Zephyr.Model.Generation;

/// <summary>
/// Keys and values of the tokens so far, for one sequence. New rows are written behind the old ones; a query sees what
/// training would have let it see, the sliding window included.
/// </summary>
internal sealed class KeyValueCache : IAttentionPattern, IDisposable
{
    private readonly Tensor[] _keys, _values;
    private readonly int? _window;
    private readonly CausalMasks _masks;

    /// <param name="config">The model's shape.</param>
    /// <param name="capacity">The most tokens that will be held.</param>
    /// <param name="dtype">Data type of keys and values.</param>
    /// <param name="device">Where the model is.</param>
    public KeyValueCache(MistralConfig config, int capacity, ScalarType dtype, Device device)
    {
        (_window, _masks) = (config.SlidingWindow, new(config.SlidingWindow));
        Tensor[] Rows() => [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ =>
            empty(capacity, config.NumKeyValueHeads, config.HeadDim, dtype: dtype, device: device).DetachFromDisposeScope())];
        (_keys, _values) = (Rows(), Rows());
    }

    /// <summary>The cache of a sequence whose rows stand in an arena, as they are at this moment.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="arena">Where the rows are.</param>
    /// <param name="range">Which.</param>
    /// <param name="length">Tokens held.</param>
    public KeyValueCache(MistralConfig config, KeyValueArena arena, RowRange range, int length)
    {
        (_window, _masks, Length) = (config.SlidingWindow, new(config.SlidingWindow), length);
        Tensor[] Rows(Func<int, Tensor> of) => [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer =>
            of(layer).narrow(0, range.Start, range.Length).DetachFromDisposeScope())];
        (_keys, _values) = (Rows(arena.Keys), Rows(arena.Values));
    }

    /// <summary>Tokens held. The caller moves it on after every layer has seen the new ones.</summary>
    public int Length
    {
        get;
        set
        {
            field = value;
            // Those of a long prompt are large, and no later pass has their size.
            _masks.Dispose();
        }
    }

    public Tensor Attend(int layer, Tensor q_THE, Tensor k_TKE, Tensor v_TKE)
    {
        var count = (int)q_THE.shape[0];
        var end = Length + count;
        _keys[layer].narrow(0, Length, count).copy_(k_TKE);
        _values[layer].narrow(0, Length, count).copy_(v_TKE);
        // Keys that no query of this call may see any more are not even offered.
        var start = _window is { } window ? Math.Max(0, Length + 1 - window) : 0;
        var (keys, values) = (_keys[layer].narrow(0, start, end - start), _values[layer].narrow(0, start, end - start));
        var causal = count > 1 && Length == 0 && !(count > _window);
        var mask = count == 1 || causal ? null : _masks.Of(count, end - start, q_THE);
        return SharedHeadAttention.Join([SharedHeadAttention.Attend(q_THE, keys, values, mask, causal)]);
    }

    public void Dispose()
    {
        foreach (var rows in _keys.Concat(_values)) rows.Dispose();
        _masks.Dispose();
    }
}
