namespace Zephyr.Evaluation.Statistics;

/// <summary>
/// Logistic regression on targets from 0 to 1 by Newton's method: minimizes sum_i -[y_i ln σ(x_i·w) + (1 - y_i) ln σ(-x_i·w)] + ½ sum_j λ_j w_j². The function is
/// convex; steps are halved until it falls.
/// </summary>
public static class LogisticRegression
{
    private const int MostSteps = 100;

    // Beyond it a probability is 0 or 1 to ten digits: targets that are all 0 or all 1 have no finite minimum without a ridge.
    private const double LargestWeight = 25;

    /// <returns>The weights, one a feature.</returns>
    /// <param name="features">[N][K], at least one row.</param>
    /// <param name="targets">[N] from 0 to 1.</param>
    /// <param name="ridge">[K] the λ of each weight; 0 for none.</param>
    public static double[] Fit(IReadOnlyList<double[]> features, IReadOnlyList<double> targets, double[] ridge)
    {
        var weights = new double[ridge.Length];
        var loss = LossOf(weights);
        for (var step = 0; step < MostSteps; step++)
        {
            var change = NewtonStep(features, targets, ridge, weights);
            double scale = 1;
            double[] next;
            double lower;
            do
            {
                next = [.. weights.Select((weight, k) => Math.Clamp(weight - scale * change[k], -LargestWeight, LargestWeight))];
                lower = LossOf(next);
                scale /= 2;
            }
            while (lower > loss && scale > 1e-12);
            var moved = weights.Zip(next, (a, b) => Math.Abs(a - b)).Max();
            if (lower <= loss) (weights, loss) = (next, lower);
            if (moved < 1e-12) break;
        }
        return weights;

        double LossOf(double[] w) => features.Select((row, i) => Dot(row, w) is var z
            ? -targets[i] * Logistic.LogOf(z) - (1 - targets[i]) * Logistic.LogOf(-z) : 0).Sum() + w.Select((weight, k) => ridge[k] * weight * weight / 2).Sum();
    }

    internal static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (var k = 0; k < a.Length; k++) sum += a[k] * b[k];
        return sum;
    }

    private static double[] NewtonStep(IReadOnlyList<double[]> features, IReadOnlyList<double> targets, double[] ridge, double[] weights)
    {
        var count = weights.Length;
        var gradient = new double[count];
        var curvature = new double[count, count];
        for (var k = 0; k < count; k++)
        {
            gradient[k] = ridge[k] * weights[k];
            // A touch on the diagonal: a feature that is always 0 has no curvature, and keeps its weight.
            curvature[k, k] = ridge[k] + 1e-9;
        }
        for (var i = 0; i < features.Count; i++)
        {
            var p = Logistic.Of(Dot(features[i], weights));
            for (var k = 0; k < count; k++)
            {
                gradient[k] += (p - targets[i]) * features[i][k];
                for (var l = 0; l < count; l++) curvature[k, l] += p * (1 - p) * features[i][k] * features[i][l];
            }
        }
        return Solve(curvature, gradient);
    }

    /// <summary>Gaussian elimination with pivots.</summary>
    private static double[] Solve(double[,] a, double[] b)
    {
        var count = b.Length;
        for (var column = 0; column < count; column++)
        {
            var pivot = Enumerable.Range(column, count - column).MaxBy(row => Math.Abs(a[row, column]));
            for (var k = 0; k < count; k++) (a[column, k], a[pivot, k]) = (a[pivot, k], a[column, k]);
            (b[column], b[pivot]) = (b[pivot], b[column]);
            for (var row = column + 1; row < count; row++)
            {
                var factor = a[row, column] / a[column, column];
                for (var k = column; k < count; k++) a[row, k] -= factor * a[column, k];
                b[row] -= factor * b[column];
            }
        }
        var solution = new double[count];
        for (var row = count - 1; row >= 0; row--)
        {
            var sum = b[row];
            for (var k = row + 1; k < count; k++) sum -= a[row, k] * solution[k];
            solution[row] = sum / a[row, row];
        }
        return solution;
    }
}
