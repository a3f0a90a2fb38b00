using Zephyr.Model;
using Zephyr.Objectives;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training.Watchdogs;

/// <summary>An objective of which some rows give a number that is not finite: in the loss, or in the gradient alone.</summary>
internal sealed class PoisonedObjective<T>(IObjective<T> inner, MistralForCausalLM model, Func<T, bool> isPoisoned, bool inLoss, float poison = float.NaN) : IObjective<T>
{
    private const string Weight = "model.layers.0.mlp.up_proj.weight";

    /// <summary>How often gradients were asked for.</summary>
    public int Passes { get; private set; }

    public IReadOnlyList<string> MetricNames => inner.MetricNames;

    public IReadOnlyList<double> WeightsOf(T example) => inner.WeightsOf(example);

    public int TokensOf(T example) => inner.TokensOf(example);

    public int TokensAtOnce(T example) => inner.TokensAtOnce(example);

    public Tensor Evaluate(IReadOnlyList<T> examples, IReadOnlyList<double> totals) => inner.Evaluate(examples, totals);

    public Tensor AccumulateGradients(IReadOnlyList<T> examples, IReadOnlyList<double> totals)
    {
        Passes++;
        var sums = inner.AccumulateGradients(examples, totals);
        if (!examples.Any(isPoisoned)) return sums;
        if (inLoss) return sums.mul_(poison);
        using var scope = NewDisposeScope();
        var weight = model.Parameters.Of(Weight);
        weight.Add(full_like(weight.Value, poison, ScalarType.Float32));
        return sums;
    }
}

/// <summary>Keeps what was noted and what each step and evaluation came to.</summary>
internal sealed class NoteTaker : Zephyr.Training.ITrainingObserver
{
    public List<string> Notes { get; } = [];

    public List<Zephyr.Training.StepReport> Steps { get; } = [];

    public List<Zephyr.Training.EvaluationReport> Evaluations { get; } = [];

    public void OnNote(string text) => Notes.Add(text);

    public void OnStep(Zephyr.Training.StepReport report) => Steps.Add(report);

    public void OnEvaluation(Zephyr.Training.EvaluationReport report) => Evaluations.Add(report);

    public void OnStart(Zephyr.Training.TrainingPlan plan) { }

    public void OnCheckpoint(string path, int afterStep) { }

    public void OnEnd(Zephyr.Training.TrainingSummary summary) { }
}
