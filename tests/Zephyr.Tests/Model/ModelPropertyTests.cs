using Zephyr.Data.Batches;
using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Tests.Golden;
using Zephyr.Tests.Objectives;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model;

/// <summary>What must hold for any weights.</summary>
public class ModelPropertyTests
{
    private static readonly int[][] Ragged = [Ids(11, 1), Ids(1, 2), Ids(4, 3), Ids(23, 4), Ids(8, 5)];

    [Theory]
    [InlineData(null)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(23)]
    public void Laid_end_to_end_every_sequence_is_what_it_is_alone(int? window)
    {
        using var model = TinyModel.Create(TinyModel.Config with { SlidingWindow = window });
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var batch = RaggedBatch.Of(Ragged);
        var together_TD = model.HiddenStates(batch);
        for (var n = 0; n < Ragged.Length; n++)
            Near.Equal(model.HiddenStates(RaggedBatch.Of(Ragged[n])), together_TD.narrow(0, batch.Offsets[n], Ragged[n].Length), 1e-5, $"sequence {n}");
    }

    /// <summary>A query at i sees the keys j with i - window &lt; j &lt;= i: changing the token before them changes nothing, the first of them something.</summary>
    [Theory]
    [InlineData(1, 2)]
    [InlineData(1, 14)]
    [InlineData(2, 14)]
    [InlineData(5, 5)]
    [InlineData(5, 6)]
    [InlineData(5, 14)]
    public void The_window_ends_where_the_definition_says(int window, int length)
    {
        // One layer: through several, older tokens are seen at second hand.
        using var model = TinyModel.Create(TinyModel.Config with { SlidingWindow = window, NumHiddenLayers = 1 });
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var at = Math.Min(9, length - 1);
        var ids = Ids(length, 6);
        var before_D = model.HiddenStates(RaggedBatch.Of(ids))[at];
        for (var changed = 0; changed < ids.Length; changed++)
        {
            var other = ids.ToArray();
            other[changed] = (other[changed] + 1) % 40;
            var isSeen = changed > at - window && changed <= at;
            var difference = (model.HiddenStates(RaggedBatch.Of(other))[at] - before_D).abs().max().item<float>();
            Assert.Equal((changed, isSeen), (changed, difference > 0));
        }
    }

    /// <summary>The same operations on the same numbers, in the same order: recomputing costs no bit.</summary>
    [Theory]
    [InlineData(null, false)]
    [InlineData(8, false)]
    [InlineData(8, true)]
    public void Recomputing_the_layers_gives_the_same_gradients_to_the_last_bit(int? window, bool tied)
    {
        using var model = TinyModel.Create(TinyModel.Config with { SlidingWindow = window, TieWordEmbeddings = tied, NumHiddenLayers = 3 });
        using var scope = NewDisposeScope();
        var plain = Gradients(model);
        foreach (var every in (int[])[1, 2, 3])
        {
            var recomputed = Gradients(model, every);
            foreach (var (name, gradient) in plain) Assert.True(gradient.equal(recomputed[name]).all().item<bool>(), $"{name}, every {every}");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_tied_weight_receives_what_embedding_and_head_would(bool recompute)
    {
        using var model = TinyModel.Create();
        using var scope = NewDisposeScope();
        var copies = new ParameterSet();
        foreach (var (name, weight) in model.Parameters.All)
            if (name != WeightNames.Head) copies.Add(name, weight.detach().clone());
        using var tied = new MistralForCausalLM(model.Config with { TieWordEmbeddings = true }, copies.RequireGradients(true));
        using (no_grad()) model.Parameters[WeightNames.Head].copy_(model.Parameters[WeightNames.Embedding]);

        var apart = Gradients(model, recompute ? 1 : 0);
        var together = Gradients(tied, recompute ? 1 : 0);
        Near.Equal(apart[WeightNames.Embedding] + apart[WeightNames.Head], together[WeightNames.Embedding], 1e-6, "embedding and head");
        Near.Equal(apart[WeightNames.FinalNorm], together[WeightNames.FinalNorm], 1e-6, "final norm");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void In_bf16_the_model_learns_the_same_way(bool recompute)
    {
        using var full = TinyModel.Create(TinyModel.Config with { SlidingWindow = 8, InitializerRange = 0.2 });
        using var scope = NewDisposeScope();
        var halves = new ParameterSet();
        foreach (var (name, weight) in full.Parameters.All) halves.Add(name, weight.detach().to_type(ScalarType.BFloat16));
        using var model = new MistralForCausalLM(full.Config, halves.RequireGradients(true));
        // bf16 keeps 8 bits; through two layers their errors add up to some of the largest value.
        Near.Equal(full.HiddenStates(RaggedBatch.Of(Ragged)), model.HiddenStates(RaggedBatch.Of(Ragged)).to_type(ScalarType.Float32), 0.03, "hidden states");
        var halfGradients = Gradients(model, recompute ? 1 : 0);
        foreach (var (name, expected) in Gradients(full, recompute ? 1 : 0))
        {
            var gradient = halfGradients[name].to_type(ScalarType.Float32);
            var cosine = (expected * gradient).sum() / (expected.norm() * gradient.norm());
            Assert.True(cosine.item<float>() > 0.995f, $"{name}: cosine {cosine.item<float>()}");
        }
    }

    [Fact]
    public void A_plain_Llama_is_the_same_mathematics()
    {
        using var model = TinyModel.Create();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var llama = new MistralForCausalLM(model.Config with { Architecture = "LlamaForCausalLM" }, model.Parameters);
        Assert.True(model.HiddenStates(RaggedBatch.Of(Ragged)).equal(llama.HiddenStates(RaggedBatch.Of(Ragged))).all().item<bool>());
    }

    [Fact]
    public void A_pass_leaves_nothing_behind_but_gradients()
    {
        using var model = TinyModel.Create(TinyModel.Config with { SlidingWindow = 8 });
        using var workspace = new LogitsWorkspace();
        foreach (var recompute in (bool[])[false, true])
        {
            Pass();
            var live = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            for (var i = 0; i < 5; i++) Pass();
            Assert.Equal(live, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);

            void Pass()
            {
                using var scope = NewDisposeScope();
                new SftObjective(model, workspace, recompute ? 1 : 0).AccumulateGradients([.. Ragged.Select(ids => new TokenSequence(ids))]);
                model.Parameters.ClearGradients();
            }
        }
    }

    private static int[] Ids(int length, int seed) => [.. Enumerable.Range(0, length).Select(i => (i * 13 + seed * 17 + i * i) % 40)];

    private static Dictionary<string, Tensor> Gradients(MistralForCausalLM model, int recomputeEvery = 0)
    {
        model.Parameters.ClearGradients();
        new SftObjective(model, new(), recomputeEvery).AccumulateGradients([.. Ragged.Select(ids => new TokenSequence(ids))]);
        return model.Parameters.All.ToDictionary(entry => entry.Key, entry => model.Parameters.Of(entry.Key).Gradient!.clone());
    }
}
