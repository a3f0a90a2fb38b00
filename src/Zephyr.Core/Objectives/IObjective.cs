using static TorchSharp.torch;

namespace Zephyr.Objectives;

/// <summary>
/// What training asks of the model. One training loop serves every objective (decision 4): a micro-batch returns sums and a
/// weight, and only the step as a whole is divided, so accumulation and ragged batches give the large-batch result exactly.
/// </summary>
/// <typeparam name="TExample">A tokenized row.</typeparam>
public interface IObjective<in TExample>
{
    /// <summary>Names of the metrics, the loss first.</summary>
    IReadOnlyList<string> MetricNames { get; }

    /// <summary>What a row counts for in the mean: its labels (SFT), or one (a pair). A pure function of the row.</summary>
    double WeightOf(TExample example);

    /// <summary>Tokens run through the policy for a row.</summary>
    int TokensOf(TExample example);

    /// <summary>The metrics' sums over a micro-batch, without gradients.</summary>
    /// <returns>[M] fp32, in the order of <see cref="MetricNames"/>; divided by the weight they are means.</returns>
    Tensor Evaluate(IReadOnlyList<TExample> examples);

    /// <summary>The same, and adds d(loss sum) / d(parameters) to the gradients.</summary>
    /// <returns>[M] fp32 sums.</returns>
    Tensor AccumulateGradients(IReadOnlyList<TExample> examples);
}
