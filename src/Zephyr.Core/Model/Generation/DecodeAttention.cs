using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Model.Generation;

/// <summary>
/// One new token of each of N sequences, each seeing its own past in the arena. Sequences whose keys fill equally many blocks go through the kernel together, on a GPU those up to the same power of two,
/// where a call costs more than keys that a mask hides; which others are with it changes nothing in a sequence's numbers, as the kernel works on each by itself and in the same way. Shapes: M rows of which the first N are sequences,
/// L keys, H query heads, K key heads, S = H / K query heads that share one, E width of a head.
/// </summary>
internal sealed class DecodeAttention : IAttentionPattern, IDisposable
{
    /// <summary>Keys of one sequence and layer from which on a copy of them costs more than a call of the kernel for each sequence (on the CPU).</summary>
    private const long GatheredBytes = 1 << 18;

    private readonly KeyValueArena _arena;
    private readonly Tensor _newRows_N;
    private readonly List<Group> _groups = [];
    private readonly int _count;

    /// <param name="arena">The keys and values.</param>
    /// <param name="sequences">Each one's rows and how many tokens it holds without the new one.</param>
    /// <param name="window">The most keys that a query sees; null for all.</param>
    /// <param name="like">A tensor of the queries' data type and device.</param>
    /// <param name="padded">Whether keys are filled up to a power of two of blocks; null for the device's way.</param>
    public DecodeAttention(KeyValueArena arena, IReadOnlyList<(RowRange Range, int Length)> sequences, int? window, Tensor like, bool? padded = null)
    {
        var onCpu = like.device_type == DeviceType.CPU;
        using var scope = NewDisposeScope();
        (_arena, _count) = (arena, sequences.Count);
        _newRows_N = Ids(sequences.Select(sequence => (long)sequence.Range.Start + sequence.Length), like.device).DetachFromDisposeScope();
        var bytesOfKey = arena.Keys(0).shape[1] * arena.Keys(0).shape[2] * like.element_size();
        var spans = sequences.Select((sequence, n) => (N: n, sequence.Range.Start, sequence.Length, Keys: KeysOf(sequence.Length, window))).ToList();
        foreach (var alike in spans.GroupBy(span => padded ?? !onCpu ? Filled(span.Keys.Count, window) : span.Keys.Count).OrderBy(group => group.Key))
        {
            var together = !onCpu || alike.Key * bytesOfKey <= GatheredBytes ? spans.Count : 1;
            foreach (var part in alike.Chunk(together))
            {
                var mask = new float[part.Length * alike.Key];
                for (var i = 0; i < part.Length; i++)
                    for (var j = 0; j < alike.Key; j++)
                        if (!(part[i].Keys.First + j is var at && at <= part[i].Length && !(at <= part[i].Length - window))) mask[i * alike.Key + j] = float.NegativeInfinity;
                _groups.Add(new(
                    Ids(part.Select(span => (long)span.N), like.device).DetachFromDisposeScope(),
                    part is [var one] && one.Keys.Count == alike.Key ? null : Ids(part.SelectMany(RowsOf), like.device).DetachFromDisposeScope(),
                    part[0].Start + part[0].Keys.First, alike.Key,
                    tensor(mask, [part.Length, 1, 1, alike.Key]).to(like.dtype, like.device).DetachFromDisposeScope()));

                // What fills up is hidden, but has to be numbers: the first row again.
                IEnumerable<long> RowsOf((int N, int Start, int Length, (int First, int Count) Keys) span) =>
                    Enumerable.Range(0, alike.Key).Select(j => (long)span.Start + span.Keys.First + (j < span.Keys.Count ? j : 0));
            }
        }
    }

    public Tensor Attend(int layer, Tensor q_THE, Tensor k_TKE, Tensor v_TKE)
    {
        using var scope = NewDisposeScope();
        _arena.Keys(layer).index_copy_(0, _newRows_N, k_TKE.narrow(0, 0, _count));
        _arena.Values(layer).index_copy_(0, _newRows_N, v_TKE.narrow(0, 0, _count));
        var (heads, groups, width) = (q_THE.shape[1], k_TKE.shape[1], q_THE.shape[2]);
        var mixed_MHE = zeros_like(q_THE);
        foreach (var group in _groups)
        {
            var n = group.Sequences_N.shape[0];
            // The queries that share a key head are its rows: no head of keys is shown twice.
            var q_NKSE = q_THE.index_select(0, group.Sequences_N).view(n, groups, heads / groups, width);
            Tensor Seen(Tensor rows_RKE) => (group.Rows is { } rows ? rows_RKE.index_select(0, rows) : rows_RKE.narrow(0, group.First, group.Keys))
                .view(n, group.Keys, groups, width).transpose(1, 2);
            var mixed_NKSE = scaled_dot_product_attention(q_NKSE, Seen(_arena.Keys(layer)), Seen(_arena.Values(layer)), group.Mask, 0.0, false);
            mixed_MHE.index_copy_(0, group.Sequences_N, mixed_NKSE.reshape(n, heads, width));
        }
        return mixed_MHE.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _newRows_N.Dispose();
        foreach (var group in _groups) group.Dispose();
    }

    /// <summary>The whole blocks that hold what the new token sees, itself included.</summary>
    private static (int First, int Count) KeysOf(int length, int? window)
    {
        var first = window is { } most ? Math.Max(0, length + 1 - most) / KeyValueArena.Block * KeyValueArena.Block : 0;
        return (first, KeyValueArena.Whole(length + 1) - first);
    }

    /// <summary>The next power of two of blocks, or all that a window reaches into.</summary>
    private static int Filled(int keys, int? window)
    {
        var filled = KeyValueArena.Block * (int)BitOperations.RoundUpToPowerOf2((uint)(keys / KeyValueArena.Block));
        return window is { } most ? Math.Min(filled, KeyValueArena.Whole(most) + KeyValueArena.Block) : filled;
    }

    private static Tensor Ids(IEnumerable<long> ids, Device device) => tensor(ids.ToArray(), ScalarType.Int64, device);

    /// <summary>Sequences that go through the kernel together.</summary>
    /// <param name="Sequences_N">Which rows of the pass.</param>
    /// <param name="Rows">Which rows of the arena, one sequence after the other; null for a single sequence whose rows are as many.</param>
    /// <param name="First">The first row of a single sequence.</param>
    /// <param name="Keys">L, of each.</param>
    /// <param name="Mask">[N, 1, 1, L]: 0 where the key is seen and -infinity where not.</param>
    private sealed record Group(Tensor Sequences_N, Tensor? Rows, int First, int Keys, Tensor Mask) : IDisposable
    {
        public void Dispose()
        {
            Sequences_N.Dispose();
            Rows?.Dispose();
            Mask.Dispose();
        }
    }
}
