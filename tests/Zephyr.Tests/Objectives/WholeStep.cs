using Zephyr.Objectives;
using static TorchSharp.torch;

namespace Zephyr.Tests.Objectives;

/// <summary>An objective on rows that are all there is: the micro-batch is the step.</summary>
internal static class WholeStep
{
    public static Tensor Evaluate<T>(this IObjective<T> objective, IReadOnlyList<T> rows) => objective.Evaluate(rows, objective.TotalsOf(rows));

    public static Tensor AccumulateGradients<T>(this IObjective<T> objective, IReadOnlyList<T> rows) =>
        objective.AccumulateGradients(rows, objective.TotalsOf(rows));
}
