using Zephyr.Configuration;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Model.Weights;
using Zephyr.Objectives;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Golden;
using Zephyr.Tests.Training;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Adapters;

/// <summary>Steps of the trainer on an adapter: what moves, what does not, what the reference says meanwhile, and that no tensor is left behind.</summary>
public sealed class AdapterTrainingTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void The_model_stays_as_it_is_and_the_adapter_learns(ScalarType dtype)
    {
        using var model = Adapted(dtype, TinyAdapter.Config(dropout: 0.1));
        var before = model.Parameters.All.ToDictionary(entry => entry.Key, entry => entry.Value.bytes.ToArray());
        var factors = model.Learned.All.ToDictionary(entry => entry.Key, entry => entry.Value.bytes.ToArray());
        using var trainer = TrainerOf(model, new SftObjective(model, new()), TinyTraining.Sequences(6));
        var losses = Enumerable.Range(0, 30).Select(_ => trainer.TakeStep().Means["loss"]).ToList();
        Assert.True(losses[^3..].Average() < 0.9 * losses[..3].Average(), $"{losses[0]} to {losses[^1]}");
        foreach (var (name, weight) in model.Parameters.All) Assert.True(weight.bytes.SequenceEqual(before[name]), name);
        Assert.All(model.Parameters.Weights, weight => Assert.False(weight.HasRoom));
        foreach (var (name, factor) in model.Learned.All) Assert.False(factor.bytes.SequenceEqual(factors[name]), name);
        trainer.WriteCheckpoint(_folder.Path);
        Assert.Equal(model.Learned.All.SelectMany(entry => new[] { $"exp_avg.{entry.Key}", $"exp_avg_sq.{entry.Key}" }).Order(StringComparer.Ordinal),
            SafetensorsFile.Open(_folder.PathOf("optimizer.safetensors")).Entries.Keys.Order(StringComparer.Ordinal));
    }

    /// <summary>The reference of an adapter on a plain model is that model; of one that was trained before, the model with the adapter as it was. Whatever the policy has learnt.</summary>
    [Theory]
    [InlineData(false, PairLayoutKind.Separate, ScalarType.Float32)]
    [InlineData(true, PairLayoutKind.SharedPrefix, ScalarType.Float32)]
    [InlineData(true, PairLayoutKind.Concatenated, ScalarType.BFloat16)]
    public void The_adapters_reference_is_the_frozen_one(bool trainedBefore, PairLayoutKind layout, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var (config, pairs) = (TinyAdapter.Config(), TinyTraining.Pairs(6));
        var settings = new DpoSettings(DpoLossSettings.Sigmoid(0.1), layout);
        using var policy = trainedBefore ? Adapted(dtype, config) : Fresh(dtype, config);
        using var frozen = trainedBefore ? Adapted(dtype, config) : TinyTraining.Model(dtype, trainable: false);
        using var reference = new AdapterReference(policy, trainedBefore ? TinyAdapter.Create(config, TinyTraining.Shape) : null, settings, new());
        var expected = new FrozenReference(frozen, settings, new()).SumsOf(pairs);
        var objective = new DpoObjective(policy, reference, settings, new());
        Near.Equal(expected, reference.SumsOf(pairs), 1e-6, "before the first step");
        Assert.Equal(Math.Log(2), objective.Evaluate(pairs, objective.TotalsOf(pairs))[0].item<float>() / pairs.Count, 1e-6);
        using var trainer = TrainerOf(policy, objective, pairs);
        for (var i = 0; i < 5; i++) trainer.TakeStep();
        Near.Equal(expected, reference.SumsOf(pairs), 1e-6, "after five steps");
        Assert.True(objective.Evaluate(pairs, objective.TotalsOf(pairs))[0].item<float>() / pairs.Count < Math.Log(2) - 1e-3);
    }

    /// <summary>Masks differ from step to step, from micro-batch to micro-batch and from projection to projection, and a pass that is repeated has its own again.</summary>
    [Fact]
    public void Dropout_draws_by_seed_step_micro_batch_pass_and_projection()
    {
        using var scope = NewDisposeScope();
        var like = empty(50, 40);
        var draws = new DropoutDraws(7, 3, 2, 1);
        var mask = draws.Mask(5, like, 0.3);
        Assert.Equal(0.7, mask.mean().item<float>(), 0.05);
        Assert.True(mask.equal(new DropoutDraws(7, 3, 2, 1).Mask(5, like, 0.3)).all().item<bool>());
        foreach (var other in new[]
        {
            (draws with { Seed = 8 }).Mask(5, like, 0.3), (draws with { Step = 4 }).Mask(5, like, 0.3), (draws with { MicroBatch = 3 }).Mask(5, like, 0.3),
            (draws with { Pass = 2 }).Mask(5, like, 0.3), draws.Mask(6, like, 0.3),
        })
            Assert.InRange(mask.equal(other).to_type(ScalarType.Float32).mean().item<float>(), 0.5, 0.66); // 0.7^2 + 0.3^2
        using var model = Adapted(ScalarType.Float32, TinyAdapter.Config(dropout: 0.3));
        var batch = Zephyr.Data.Batches.RaggedBatch.Of([1, 2, 3, 4, 5]);
        Tensor Hidden(int step, int microBatch)
        {
            model.Dropout.Begin(42, step, microBatch);
            using var first = model.Forward(batch);
            using var second = model.Forward(batch);
            Assert.False(first.Hidden_TD.equal(second.Hidden_TD).all().item<bool>());
            return first.Hidden_TD.clone();
        }
        Assert.True(Hidden(1, 0).equal(Hidden(1, 0)).all().item<bool>());
        Assert.False(Hidden(1, 0).equal(Hidden(2, 0)).all().item<bool>());
        Assert.False(Hidden(1, 0).equal(Hidden(1, 1)).all().item<bool>());
        Assert.True(model.HiddenStates(batch).equal(model.HiddenStates(batch)).all().item<bool>(), "evaluation drops nothing");
    }

    [Theory]
    [InlineData("sft", 0, ScalarType.Float32)]
    [InlineData("sft", 1, ScalarType.BFloat16)]
    [InlineData("dpo", 0, ScalarType.BFloat16)]
    [InlineData("dpo", 1, ScalarType.Float32)]
    public void Steps_evaluations_and_checkpoints_leave_no_tensor_behind(string stage, int recomputeEvery, ScalarType dtype)
    {
        var before = Alive;
        using (var model = Adapted(dtype, TinyAdapter.Config(dropout: 0.1)))
        using (var workspace = new LogitsWorkspace())
        {
            if (stage == "sft") Count(model, new SftObjective(model, workspace, recomputeEvery), TinyTraining.Sequences(4));
            else
            {
                var settings = new DpoSettings(DpoLossSettings.Sigmoid(0.1), PairLayoutKind.SharedPrefix, recomputeEvery);
                using var reference = new AdapterReference(model, TinyAdapter.Create(TinyAdapter.Config(), TinyTraining.Shape), settings, workspace);
                Count(model, new DpoObjective(model, reference, settings, workspace), TinyTraining.Pairs(4));
            }
        }
        Assert.Equal(before, Alive);
    }

    private void Count<T>(MistralForCausalLM model, IObjective<T> objective, List<T> rows)
    {
        using var trainer = TrainerOf(model, objective, rows);
        long Steps(int count)
        {
            for (var i = 0; i < count; i++) trainer.TakeStep();
            Evaluator.Run(objective, rows, 3, TestContext.Current.CancellationToken);
            trainer.WriteCheckpoint(_folder.Path);
            return Alive;
        }
        var afterFive = Steps(5);
        Assert.Equal(afterFive, Steps(20));
    }

    private Trainer<T> TrainerOf<T>(MistralForCausalLM model, IObjective<T> objective, List<T> rows)
    {
        var options = TinyTraining.Options(epochs: 60) with { Optimizer = new OptimizerOptions { LearningRate = 2e-2, LrSchedulerType = "constant" } };
        return new(model, objective, new(rows, []), options, new(new(_folder.Path), (path, factors) => AdapterFolder.Save(path, model.Adapter!.Config, factors)), SilentObserver.Instance);
    }

    private static MistralForCausalLM Adapted(ScalarType dtype, LoraConfig config) => TinyTraining.Model(dtype, trainable: false).With(config);

    private static MistralForCausalLM Fresh(ScalarType dtype, LoraConfig config)
    {
        var model = TinyTraining.Model(dtype, trainable: false);
        model.Attach(LoraAdapter.Fresh(config, model.Config, 3, CPU));
        return model;
    }

    private static long Alive => TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
}
