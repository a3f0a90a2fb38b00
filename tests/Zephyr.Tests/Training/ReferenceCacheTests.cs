using Zephyr.Data.Text;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Golden;
using Zephyr.Tests.Objectives;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

public sealed class ReferenceCacheTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string File => _folder.PathOf(ReferenceCache.FileName);

    [Theory]
    [InlineData(PairLayoutKind.Separate, null)]
    [InlineData(PairLayoutKind.SharedPrefix, 0.5)]
    public void Loss_metrics_and_gradients_are_those_of_the_frozen_reference(PairLayoutKind layout, double? tail)
    {
        using var scope = NewDisposeScope();
        using var reference = TinyTraining.Model(trainable: false, seed: 2);
        var pairs = TinyTraining.Pairs(9);
        var settings = new DpoSettings(DpoLossSettings.Sigmoid(0.1), layout) { TailWeight = tail };
        var frozen = new FrozenReference(reference, settings, new());
        new ReferenceCache(File, "it").Fill(pairs.Chunk(4), frozen, _ => { }, CancellationToken.None);
        var cached = new CachedReference(new ReferenceCache(File, "it").Known, CPU);

        using Zephyr.Model.MistralForCausalLM one = TinyTraining.Model(), other = TinyTraining.Model();
        Near.Equal(new DpoObjective(one, frozen, settings, new()).AccumulateGradients(pairs), new DpoObjective(other, cached, settings, new()).AccumulateGradients(pairs), 1e-6, "metrics");
        foreach (var (name, parameter) in one.Parameters.All) Near.Equal(one.Parameters.Of(name).Gradient!, other.Parameters.Of(name).Gradient!, 1e-5, name);
    }

    [Fact]
    public void Every_number_comes_back_as_it_was()
    {
        var pairs = TinyTraining.Pairs(50);
        var cache = new ReferenceCache(File, "it");
        var told = new List<int>();
        cache.Fill(pairs.Chunk(7), new Hashes(), told.Add, CancellationToken.None);
        Assert.Equal([7, 14, 21, 28, 35, 42, 49, 50], told);
        Assert.Equal(cache.Known, new ReferenceCache(File, "it").Known);
        Assert.Equal(50, cache.Known.Count);
    }

    [Fact]
    public void What_was_cut_off_goes_on_where_it_stopped()
    {
        var pairs = TinyTraining.Pairs(20);
        using var stop = new CancellationTokenSource();
        var reference = new Hashes(onBatch: number => { if (number == 2) stop.Cancel(); });
        Assert.Throws<OperationCanceledException>(() => new ReferenceCache(File, "it").Fill(pairs.Chunk(4), reference, _ => { }, stop.Token));
        // And a crash tears the last line.
        System.IO.File.AppendAllText(File, "{\"pair\":\"00");

        var again = new ReferenceCache(File, "it");
        Assert.Equal(8, again.Known.Count);
        var missing = again.Missing(pairs.Concat(pairs));
        Assert.Equal(pairs.Skip(8), missing);
        again.Fill(missing.Chunk(4), new Hashes(), _ => { }, CancellationToken.None);
        Assert.Empty(new ReferenceCache(File, "it").Missing(pairs));
    }

    [Theory]
    [InlineData("{\"reference\":\"another\"}\n")]
    [InlineData("")]
    [InlineData("not json\n")]
    public void What_is_of_another_reference_is_never_used(string first)
    {
        var pairs = TinyTraining.Pairs(3);
        new ReferenceCache(File, "it").Fill(pairs.Chunk(4), new Hashes(), _ => { }, CancellationToken.None);
        System.IO.File.WriteAllText(File, first + string.Concat(System.IO.File.ReadLines(File).Skip(1).Select(line => line + "\n")));
        var cache = new ReferenceCache(File, "it");
        Assert.True(cache.Stale);
        Assert.Equal(3, cache.Missing(pairs).Count());
        cache.Fill(pairs.Chunk(4), new Hashes(), _ => { }, CancellationToken.None);
        Assert.False(new ReferenceCache(File, "it").Stale);
    }

    [Fact]
    public void Broken_weights_are_found_out_before_training()
    {
        var error = Assert.Throws<RunFailedException>(() => new ReferenceCache(File, "it").Fill(TinyTraining.Pairs(2).Chunk(4), new Hashes(factor: float.NaN), _ => { }, CancellationToken.None));
        Assert.StartsWith("pairs, row 1: the reference's log-probabilities are NaN and NaN", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pair_is_named_by_its_ids_and_where_they_are_divided()
    {
        static UInt128 Key(int[] prompt, int[] chosen, int[] rejected) => CachedReference.KeyOf(new(new("f", 1, true), prompt, chosen, rejected));
        UInt128[] keys = [Key([1, 2], [3], [4]), Key([1], [2, 3], [4]), Key([1, 2], [3, 4], []), Key([1, 2], [4], [3]), Key([1, 2], [3], [5])];
        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.Equal(keys[0], CachedReference.KeyOf(new(new("another", 7, false), [1, 2], [3], [4])));
    }

    /// <summary>A reference whose sums are odd numbers that depend on the pair alone.</summary>
    private sealed class Hashes(float factor = 1, Action<int>? onBatch = null) : IReferenceLogProbs
    {
        private int _batches;

        public Tensor SumsOf(IReadOnlyList<TokenizedPair> pairs)
        {
            onBatch?.Invoke(++_batches);
            float[] Of(Func<TokenizedPair, int[]> ids) => [.. pairs.Select(pair => factor * -(float)Math.Exp(ids(pair).Sum() % 17 / 3.0))];
            return tensor([.. Of(pair => pair.ChosenIds), .. Of(pair => pair.RejectedIds)]);
        }
    }
}
