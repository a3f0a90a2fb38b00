using Zephyr.Data.Batches;
using Zephyr.Model;
using Zephyr.Model.Weights;
using Zephyr.Objectives;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Golden;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

/// <summary>What one optimizer step is made of: sums over its rows, divided once, clipped, and refused where it is not finite.</summary>
public sealed class StepTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Rows of 3 to 20 tokens: a mean of means would give the short micro-batches too much to say.</summary>
    [Theory]
    [InlineData("sft", 1, 7)]
    [InlineData("sft", 2, 4)]
    [InlineData("sft", 3, 3)]
    [InlineData("dpo", 1, 7)]
    [InlineData("dpo", 3, 3)]
    public void Accumulation_gives_the_large_batch(string stage, int batch, int accumulation)
    {
        using var scope = NewDisposeScope();
        var (whole, wholeMoments) = Step(stage, 7, 1);
        var (parts, partMoments) = Step(stage, batch, accumulation);
        Near.Equal(whole.Norm, parts.Norm, 1e-6, "gradient norm");
        foreach (var (name, mean) in whole.Means) Assert.Equal(mean, parts.Means[name], 1e-6 * Math.Max(1, Math.Abs(mean)));
        foreach (var (name, moment) in wholeMoments) Near.Equal(moment, partMoments[name], 1e-6, name);
    }

    /// <summary>All seven rows are one step, by rows in one micro-batch and by tokens in several.</summary>
    [Theory]
    [InlineData("sft", PairLayoutKind.Separate, 20)]
    [InlineData("sft", PairLayoutKind.Separate, 40)]
    [InlineData("dpo", PairLayoutKind.Separate, 40)]
    [InlineData("dpo", PairLayoutKind.Concatenated, 40)]
    [InlineData("dpo", PairLayoutKind.SharedPrefix, 25)]
    public void Micro_batches_by_tokens_give_the_large_batch(string stage, PairLayoutKind layout, int maxTokens)
    {
        using var scope = NewDisposeScope();
        var (whole, wholeMoments) = Step(stage, 7, 1, layout);
        var (parts, partMoments) = Step(stage, 7, 1, layout, maxTokens: maxTokens);
        Near.Equal(whole.Norm, parts.Norm, 1e-6, "gradient norm");
        foreach (var (name, mean) in whole.Means) Assert.Equal(mean, parts.Means[name], 1e-6 * Math.Max(1, Math.Abs(mean)));
        foreach (var (name, moment) in wholeMoments) Near.Equal(moment, partMoments[name], 1e-5, name);
        // The rows were divided, into other passes than before.
        Assert.Contains(wholeMoments, entry => !entry.Value.allclose(partMoments[entry.Key], rtol: 0, atol: 0));
    }

    [Theory]
    [InlineData(PairLayoutKind.Concatenated, false)]
    [InlineData(PairLayoutKind.Separate, true)]
    [InlineData(PairLayoutKind.Concatenated, true)]
    [InlineData(PairLayoutKind.SharedPrefix, false)]
    [InlineData(PairLayoutKind.SharedPrefix, true)]
    public void Layout_and_recomputation_change_nothing(PairLayoutKind layout, bool recompute)
    {
        using var scope = NewDisposeScope();
        var (plain, plainMoments) = Step("dpo", 3, 3);
        var (other, otherMoments) = Step("dpo", 3, 3, layout, recompute);
        foreach (var (name, mean) in plain.Means) Assert.Equal(mean, other.Means[name], 1e-6 * Math.Max(1, Math.Abs(mean)));
        foreach (var (name, moment) in plainMoments) Near.Equal(moment, otherMoments[name], 2e-6, name);
    }

    /// <summary>Between two logged steps there are no means yet, but whoever watches sees each step's own numbers.</summary>
    [Fact]
    public void Every_step_tells_what_it_came_to_itself()
    {
        var watcher = new OwnValues();
        using var model = TinyTraining.Model();
        using var trainer = new Trainer<TokenSequence>(model, new SftObjective(model, new()), new(TinyTraining.Sequences(7), []),
            TinyTraining.Options(logging: 3, batch: 1), TinyTraining.Output(_folder.Path), watcher);
        for (var step = 1; step <= 3; step++)
        {
            var (means, norm) = trainer.TakeStep();
            var (report, own) = (watcher.Reports[^1], watcher.Reports[^1].Own!);
            Assert.Equal(step == 3, report.Logged);
            Assert.Equal(means, own.Means);
            Assert.Equal(norm, own.GradientNorm);
            if (report.Logged) Assert.Equal((report.Metrics["grad_norm"], report.Metrics["learning_rate"]), (own.GradientNorm, own.LearningRate));
        }
        Assert.Equal(3, watcher.Reports.Select(report => report.Own!.Means["loss"]).Distinct().Count());
    }

    [Fact]
    public void Gradients_are_scaled_down_to_the_limit_as_torch_does()
    {
        using var scope = NewDisposeScope();
        var (step, free) = Step("sft", 7, 1, limit: 0);
        var (_, clipped) = Step("sft", 7, 1, limit: step.Norm / 10);
        var (_, untouched) = Step("sft", 7, 1, limit: step.Norm * 2);
        var factor = step.Norm / 10 / (step.Norm + 1e-6);
        foreach (var (name, moment) in free.Where(entry => entry.Key.StartsWith("exp_avg.", StringComparison.Ordinal)))
        {
            Near.Equal(moment * factor, clipped[name], 1e-6, name);
            Near.Equal(moment, untouched[name], 1e-7, name);
        }
    }

    [Theory]
    [InlineData(float.NaN, false)]
    [InlineData(float.PositiveInfinity, false)]
    [InlineData(float.NaN, true)]
    public void A_poisoned_step_never_reaches_the_weights(float poison, bool bf16)
    {
        using var scope = NewDisposeScope();
        using var model = TinyTraining.Model(bf16 ? ScalarType.BFloat16 : ScalarType.Float32);
        var rows = TinyTraining.Sequences(8);
        using var trainer = new Trainer<Zephyr.Data.Batches.TokenSequence>(model, new SftObjective(model, new()), new(rows, [], Shuffle: false),
            TinyTraining.Options(), TinyTraining.Output(_folder.Path), SilentObserver.Instance);
        trainer.TakeStep();
        using (no_grad()) model.Parameters["model.layers.1.mlp.down_proj.weight"][0, 0] = poison;
        var before = Snapshot(trainer, "before");
        var error = Assert.Throws<NonFiniteStepException>(() => { trainer.TakeStep(); });
        Assert.Matches("^step 2: the loss is (NaN|Infinity) and the gradient norm (NaN|Infinity); each of its rows gives that alone, so it is rather the weights than a row: "
            + "training row 5; training row 6; training row 7; training row 8; the step was not taken, and no checkpoint had been written yet$", error.Message);
        Assert.Equal(1, trainer.Step);
        Assert.Equal(before, Snapshot(trainer, "after"));
    }

    /// <summary>Weights, moments and position as a checkpoint holds them.</summary>
    private byte[] Snapshot<T>(Trainer<T> trainer, string name)
    {
        var path = Directory.CreateDirectory(_folder.PathOf(name)).FullName;
        trainer.WriteCheckpoint(path);
        return [.. Directory.GetFiles(path).Order(StringComparer.Ordinal).SelectMany(File.ReadAllBytes)];
    }

    private ((IReadOnlyDictionary<string, double> Means, double Norm) Step, Dictionary<string, Tensor> Moments) Step(
        string stage, int batch, int accumulation, PairLayoutKind layout = PairLayoutKind.Separate, bool recompute = false, double limit = 1, int maxTokens = 0)
    {
        using var model = TinyTraining.Model();
        using var reference = TinyTraining.Model(trainable: false, seed: 2);
        var options = TinyTraining.Options(batch: batch, accumulation: accumulation);
        options = options with { Optimizer = options.Optimizer with { MaxGradNorm = limit }, Training = options.Training with { MaxTokensPerBatch = maxTokens } };
        return stage == "sft"
            ? Step(model, new SftObjective(model, new(), recompute ? 1 : 0), TinyTraining.Sequences(7), options)
            : Step(model, TinyTraining.Dpo(model, reference, layout, recompute), TinyTraining.Pairs(7), options);
    }

    private ((IReadOnlyDictionary<string, double>, double), Dictionary<string, Tensor>) Step<T>(
        MistralForCausalLM model, IObjective<T> objective, List<T> rows, TrainerOptions options)
    {
        using var trainer = new Trainer<T>(model, objective, new(rows, []), options, TinyTraining.Output(_folder.Path), SilentObserver.Instance);
        var step = trainer.TakeStep();
        var path = Directory.CreateDirectory(_folder.PathOf(Guid.NewGuid().ToString())).FullName;
        trainer.WriteCheckpoint(path);
        var file = SafetensorsFile.Open(Path.Combine(path, "optimizer.safetensors"));
        var moments = file.Entries.Values.ToDictionary(entry => entry.Name, entry =>
        {
            var tensor = empty(entry.Shape);
            WeightReader.ReadInto(file, entry, tensor);
            return tensor;
        });
        return (step, moments);
    }

    private sealed class OwnValues : ITrainingObserver
    {
        public List<StepReport> Reports { get; } = [];

        public void OnStep(StepReport report) => Reports.Add(report);

        public void OnStart(TrainingPlan plan) { }

        public void OnEvaluation(EvaluationReport report) { }

        public void OnCheckpoint(string path, int afterStep) { }

        public void OnNote(string text) { }

        public void OnEnd(TrainingSummary summary) { }
    }
}
