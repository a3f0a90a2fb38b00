namespace Zephyr.Feedback.Audit;

/// <summary>Pearson's chi-square test of counts against what they would be without the effect.</summary>
/// <param name="Statistic">The sum over the cells of (observed - expected)^2 / expected.</param>
/// <param name="DegreesOfFreedom">Cells less one.</param>
/// <param name="PValue">How likely a statistic of at least this size is without the effect, by the chi-square distribution.</param>
public sealed record ChiSquare(double Statistic, int DegreesOfFreedom, double PValue)
{
    /// <summary>The test; null for fewer than two cells with something expected.</summary>
    public static ChiSquare? Of(IReadOnlyList<(double Observed, double Expected)> cells)
    {
        (double Observed, double Expected)[] used = [.. cells.Where(cell => cell.Expected > 0)];
        if (used.Length < 2) return null;
        var statistic = used.Sum(cell => (cell.Observed - cell.Expected) * (cell.Observed - cell.Expected) / cell.Expected);
        return new(statistic, used.Length - 1, Survival(statistic, used.Length - 1));
    }

    /// <summary>The upper tail of the chi-square distribution: Q(k/2, x/2), the regularized incomplete gamma function.</summary>
    /// <param name="x">From 0.</param>
    /// <param name="k">Degrees of freedom, from 1.</param>
    public static double Survival(double x, int k)
    {
        // By recurrence from one or two degrees of freedom, where it is erfc(sqrt(x/2)) and exp(-x/2):
        // Q(a + 1, y) = Q(a, y) + y^a e^-y / gamma(a + 1).
        var y = x / 2;
        var a = k % 2 == 0 ? 1.0 : 0.5;
        var tail = k % 2 == 0 ? Math.Exp(-y) : ErrorFunctionComplement(Math.Sqrt(y));
        var term = k % 2 == 0 ? y * Math.Exp(-y) : Math.Sqrt(y) * Math.Exp(-y) * 2 / Math.Sqrt(Math.PI);
        for (; a < k / 2.0; a++)
        {
            tail += term;
            term *= y / (a + 1);
        }
        return Math.Clamp(tail, 0, 1);
    }

    /// <summary>erfc for arguments from 0: its series below 2, its continued fraction above; both to some 1e-14.</summary>
    private static double ErrorFunctionComplement(double z)
    {
        if (z < 2)
        {
            var (sum, term) = (z, z);
            for (var n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum) && n < 200; n++)
            {
                term *= -z * z / n;
                sum += term / (2 * n + 1);
            }
            return 1 - 2 / Math.Sqrt(Math.PI) * sum;
        }
        var fraction = z;
        for (var n = 120; n >= 1; n--) fraction = z + n / 2.0 / fraction;
        return Math.Exp(-z * z) / Math.Sqrt(Math.PI) / fraction;
    }
}
