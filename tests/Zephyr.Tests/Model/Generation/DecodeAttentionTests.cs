using Zephyr.Model;
using Zephyr.Model.Generation;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Generation;

/// <summary>A GPU's way of going through the kernel, keys filled up to a power of two of blocks, on the CPU.</summary>
public class DecodeAttentionTests
{
    private static readonly MistralConfig Config = new()
    {
        VocabSize = 8,
        HiddenSize = 32,
        IntermediateSize = 8,
        NumHiddenLayers = 1,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 8,
        MaxPositionEmbeddings = 1024,
    };

    /// <summary>At the bounds of blocks, and with one, three and nine of them.</summary>
    private static readonly int[] Lengths = [0, 5, 63, 64, 130, 191, 192, 520];

    [Theory]
    [InlineData(null)]
    [InlineData(64)]
    [InlineData(100)]
    public void Keys_that_fill_up_change_nothing(int? window)
    {
        using var scope = NewDisposeScope();
        using var world = new World();
        var (exact, padded) = (world.Attend(Lengths, window, padded: false), world.Attend(Lengths, window, padded: true));
        Assert.True(exact.abs().max().item<float>() > 0.1);
        Assert.True((exact - padded).abs().max().item<float>() < 1e-6, $"{(exact - padded).abs().max().item<float>()}");
    }

    [Theory]
    [InlineData(null)]
    [InlineData(100)]
    public void Who_else_is_there_changes_no_bit(int? window)
    {
        using var scope = NewDisposeScope();
        using var world = new World();
        var together = world.Attend(Lengths, window, padded: true);
        for (var n = 0; n < Lengths.Length; n++) Assert.True(together[n].equal(world.Attend(Lengths, window, padded: true, only: n)[n]).all().item<bool>(), $"{n}");
    }

    /// <summary>An arena of which all that no sequence holds is NaN, as broken sequences may have left it.</summary>
    private sealed class World : IDisposable
    {
        private readonly KeyValueArena _arena = new(Config, 4096, ScalarType.Float32, CPU);
        private readonly List<RowRange> _ranges = [];
        private readonly Tensor _q, _k, _v;

        public World()
        {
            using var generator = new Generator(3, CPU);
            Tensor Numbers(params long[] shape) => empty(shape).normal_(0, 1, generator);
            foreach (var rows in new[] { _arena.Keys(0), _arena.Values(0) }) rows.fill_(double.NaN);
            foreach (var length in Lengths)
            {
                var range = _arena.TryTake(length + 1)!.Value;
                _ranges.Add(range);
                foreach (var rows in new[] { _arena.Keys(0), _arena.Values(0) }) rows.narrow(0, range.Start, range.Length).copy_(Numbers(range.Length, 2, 8));
            }
            (_q, _k, _v) = (Numbers(Lengths.Length, 4, 8), Numbers(Lengths.Length, 2, 8), Numbers(Lengths.Length, 2, 8));
        }

        public Tensor Attend(int[] lengths, int? window, bool padded, int? only = null)
        {
            int[] which = only is { } one ? [one] : [.. Enumerable.Range(0, lengths.Length)];
            using var attention = new DecodeAttention(_arena, [.. which.Select(n => (_ranges[n], lengths[n]))], window, _q, padded);
            Tensor Of(Tensor all) => all.index_select(0, tensor(which.Select(n => (long)n).ToArray()));
            var mixed = attention.Attend(0, Of(_q), Of(_k), Of(_v));
            return zeros_like(_q).index_copy_(0, tensor(which.Select(n => (long)n).ToArray()), mixed);
        }

        public void Dispose() => _arena.Dispose();
    }
}
