using Zephyr.Model;
using Zephyr.Objectives;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>Runs the micro-batches of a step, forward and back, and reads what they came to from the device at once.</summary>
/// <param name="objective">What is asked of the model.</param>
/// <param name="rows">The rows.</param>
/// <param name="model">Where gradients add up.</param>
/// <param name="seed">The run's seed, which dropout draws from.</param>
internal sealed class StepAccumulation<TExample>(IObjective<TExample> objective, IReadOnlyList<TExample> rows, MistralForCausalLM model, long seed)
{
    /// <summary>Adds up the gradients of some micro-batches. Each is told the weights of all of them: what is divided by is known before the first one.</summary>
    /// <param name="microBatches">The rows of each.</param>
    /// <param name="step">The step they belong to; 0 for none.</param>
    /// <param name="weights">Those of the step, where these are a part of it only.</param>
    public StepSums Run(IEnumerable<int[]> microBatches, int step = 0, IReadOnlyList<double>? weights = null)
    {
        using var scope = NewDisposeScope();
        var parameters = model.Learned;
        var all = microBatches.Select(indices => (Indices: indices, Examples: indices.Select(index => rows[index]).ToList())).ToList();
        weights ??= objective.TotalsOf(all.SelectMany(batch => batch.Examples));
        // A micro-batch without a label has nothing to add.
        var run = all.Where(batch => batch.Examples.Any(example => objective.WeightsOf(example)[0] > 0)).ToList();
        List<Tensor> parts = [.. run.Select((batch, i) =>
        {
            model.Dropout.Begin(seed, step, i);
            return objective.AccumulateGradients(batch.Examples, weights).to_type(ScalarType.Float64);
        })];
        var touched = parameters.Weights.Where(weight => weight.Gradient is not null).ToList();
        if (touched.Count > 0) parts.Add(GradientNorm.Of(parameters).to_type(ScalarType.Float64));
        // The step's one read-back from the device: the sums and the norms together.
        var read = parts.Count == 0 ? [] : cat(parts, 0).cpu().data<double>().ToArray();
        var norms = read.AsSpan(run.Count * weights.Count);
        return new([.. run.Select(batch => batch.Indices)], [.. run.Select((_, i) => read[i * weights.Count])], Sum(read, run.Count, weights.Count), weights,
            norms.Length > 0 ? norms[0] : 0, [.. touched.Zip(norms.Length > 0 ? norms[1..].ToArray() : [], (weight, norm) => KeyValuePair.Create(weight.Name, norm))],
            all.Sum(batch => batch.Examples.Sum(example => (long)objective.TokensOf(example))))
        {
            Unsupervised = [.. all.Except(run).SelectMany(batch => batch.Indices)],
        };
    }

    private static double[] Sum(double[] read, int batches, int metrics)
    {
        var sums = new double[metrics];
        // From the first one on: 0 + -0 would be 0.
        if (batches > 0) Array.Copy(read, sums, metrics);
        for (var batch = 1; batch < batches; batch++)
            for (var i = 0; i < metrics; i++) sums[i] += read[batch * metrics + i];
        return sums;
    }
}
