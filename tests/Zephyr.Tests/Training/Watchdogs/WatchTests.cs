using Zephyr.Data.Batches;
using Zephyr.Objectives;
using Zephyr.Tests.Data.Sources;
using Zephyr.Training;
using Zephyr.Training.Watchdogs;

namespace Zephyr.Tests.Training.Watchdogs;

/// <summary>What is told and changes no number: losses that jump, gradients that are gone, rows without a label.</summary>
public sealed class WatchTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_loss_far_above_the_last_ones_is_told_once()
    {
        var spikes = new LossSpikes(10);
        for (var step = 0; step < 40; step++) Assert.Null(spikes.See(2 + 0.1 * (step % 5)));
        Assert.Equal("the loss is 9, 46 deviations above the median 2.2 of the 40 steps before", spikes.See(9));
        Assert.Null(spikes.See(9));
        Assert.Null(spikes.See(2.2));
        Assert.NotNull(spikes.See(9));
    }

    [Fact]
    public void Few_losses_say_nothing_and_an_even_one_may_move_a_little()
    {
        var spikes = new LossSpikes(10);
        for (var step = 0; step < 15; step++) Assert.Null(spikes.See(step == 3 ? 1000 : 1));
        for (var step = 0; step < 30; step++) Assert.Null(spikes.See(1));
        Assert.Null(spikes.See(1.099));
        Assert.NotNull(spikes.See(1.2));
        // Losses of nothing but zeros have no measure.
        var zeros = new LossSpikes(10);
        for (var step = 0; step < 30; step++) Assert.Null(zeros.See(0));
        Assert.Null(zeros.See(1));
    }

    [Fact]
    public void A_loss_may_be_negative_and_the_middle_follows_it()
    {
        var spikes = new LossSpikes(10);
        for (var step = 0; step < 300; step++) Assert.Null(spikes.See(5 - 0.05 * step + 0.2 * (step % 3)));
        Assert.Null(spikes.See(0));
        Assert.NotNull(spikes.See(9));
    }

    [Fact]
    public void Zero_never_tells_and_remembers_nothing()
    {
        var spikes = new LossSpikes(0);
        for (var step = 0; step < 40; step++) Assert.Null(spikes.See(step == 39 ? 1e9 : 1));
        Assert.Empty(spikes.Losses);
    }

    [Fact]
    public void What_is_restored_tells_as_what_was_not()
    {
        double[] losses = [.. Enumerable.Range(0, 120).Select(i => i % 17 == 16 ? 50.0 : 1 + 0.01 * (i % 7))];
        var straight = new LossSpikes(8);
        var expected = losses.Select(straight.See).ToList();
        Assert.Contains(expected, told => told is not null);
        for (var cut = 0; cut < losses.Length; cut += 11)
        {
            var (first, second) = (new LossSpikes(8), new LossSpikes(8));
            List<string?> told = [.. losses[..cut].Select(first.See)];
            second.Restore(new() { Losses = first.Losses, InSpike = first.InSpike });
            Assert.Equal(expected, [.. told, .. losses[cut..].Select(second.See)]);
        }
    }

    [Fact]
    public void A_gradient_that_is_gone_is_told_once()
    {
        var dead = new DeadGradients();
        var told = Enumerable.Range(1, 12).Select(step => dead.See(Sums(norm: step == 6 ? 1 : 0))).ToList();
        Assert.Equal([5, 11], Enumerable.Range(1, 12).Where(step => told[step - 1] is not null));
        Assert.Equal("the gradient norm has been at most 1E-12 for 5 steps: nothing is learnt", told[4]);
    }

    [Fact]
    public void A_weight_that_alone_has_none_is_named()
    {
        var dead = new DeadGradients();
        List<string?> told = [.. Enumerable.Range(1, 9).Select(step => dead.See(Sums(1, ("a", 0), ("b", step == 3 ? 1 : 0), ("c", 2))))];
        Assert.Equal([5, 8], Enumerable.Range(1, 9).Where(step => told[step - 1] is not null));
        Assert.Equal("the gradient of a has been 0 for 5 steps, while others have one", told[4]);
        Assert.Equal("the gradient of b has been 0 for 5 steps, while others have one", told[7]);
        var many = new DeadGradients();
        many.Restore(new() { DeadWeights = new Dictionary<string, int> { ["a"] = 4, ["b"] = 4, ["c"] = 4, ["d"] = 4, ["e"] = 4 } });
        Assert.Equal("the gradient of a, b, c and 2 more weights has been 0 for 5 steps, while others have one",
            many.See(Sums(1, ("a", 0), ("b", 0), ("c", 0), ("d", 0), ("e", 0), ("f", 1))));
    }

    /// <summary>Rows without a label: left out of their step where others have one, and no step where none has.</summary>
    [Fact]
    public void A_micro_batch_without_a_label_changes_nothing_and_is_told_once()
    {
        var labelled = TinyTraining.Sequences(4);
        static TokenSequence Bare(TokenSequence row) => row with { Supervised = new bool[row.Ids.Length] };
        List<TokenSequence> rows = [.. labelled, Bare(labelled[0]), Bare(labelled[1]), labelled[0], labelled[1], Bare(labelled[0]), Bare(labelled[1]), Bare(labelled[2]), Bare(labelled[3])];
        using var model = TinyTraining.Model();
        var notes = new NoteTaker();
        using var trainer = new Trainer<TokenSequence>(model, new SftObjective(model, new()), new(rows, [], Shuffle: false),
            TinyTraining.Options(), TinyTraining.Output(_folder.Path), notes);
        trainer.TakeStep();
        var (means, norm) = trainer.TakeStep();
        Assert.True(double.IsFinite(norm) && double.IsFinite(means["loss"]));
        Assert.Equal(["step 2: nothing is supervised in a micro-batch, which teaches nothing (told once): training row 5; training row 6"], notes.Notes);
        var before = model.Parameters.All.SelectMany(weight => weight.Value.bytes.ToArray()).ToArray();
        Assert.True(double.IsNaN(trainer.TakeStep().Means["loss"]));
        Assert.Equal(before, model.Parameters.All.SelectMany(weight => weight.Value.bytes.ToArray()));
        Assert.Equal(3, trainer.Step);
        Assert.Single(notes.Notes);
    }

    /// <summary>A rate of next to nothing, and one row that is unlike the others: the spike names its micro-batch.</summary>
    [Fact]
    public void A_spike_in_a_run_names_its_rows()
    {
        using var model = TinyTraining.Model();
        var common = new TokenSequence([1, 2, 3, 4, 5, 6, 7, 8]);
        // What the model says is likely least is what it is asked for.
        var rows = Enumerable.Repeat(common, 47).Append(Unlikely(model, common)).ToList();
        var notes = new NoteTaker();
        var options = TinyTraining.Options(rate: 1e-12, batch: 1, accumulation: 2) with { Watchdogs = new() { LossSpikeFactor = 2 } };
        using var trainer = new Trainer<TokenSequence>(model, new SftObjective(model, new()), new(rows, [], Shuffle: false), options, TinyTraining.Output(_folder.Path), notes);
        for (var step = 1; step <= 24; step++) trainer.TakeStep();
        Assert.Matches("^step 24: the loss is [0-9.]+, [0-9]+ deviations above the median [0-9.]+ of the 23 steps before; the rows of its worst micro-batch: training row 48$", Assert.Single(notes.Notes));
    }

    private static TokenSequence Unlikely(Zephyr.Model.MistralForCausalLM model, TokenSequence common)
    {
        using var workspace = new LogitsWorkspace();
        var objective = new SftObjective(model, workspace);
        double LossOf(TokenSequence row)
        {
            using var scope = TorchSharp.torch.NewDisposeScope();
            return objective.Evaluate([row], objective.TotalsOf([row])).cpu().data<float>()[0];
        }
        return Enumerable.Range(0, TinyTraining.Shape.VocabSize).Select(id => common with { Ids = [.. Enumerable.Repeat(id, 24).Select((one, i) => (one + 7 * i) % TinyTraining.Shape.VocabSize)] })
            .MaxBy(LossOf)!;
    }

    private static StepSums Sums(double norm, params (string Name, double Norm)[] weights) =>
        new([[0]], [1], [1], [1], norm, [.. weights.Select(weight => KeyValuePair.Create(weight.Name, weight.Norm))], 1);
}
