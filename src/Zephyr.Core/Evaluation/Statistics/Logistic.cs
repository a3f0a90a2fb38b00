namespace Zephyr.Evaluation.Statistics;

/// <summary>The logistic function, without overflow.</summary>
public static class Logistic
{
    /// <summary>1 / (1 + exp(-x)).</summary>
    public static double Of(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));

    /// <summary>ln of it.</summary>
    public static double LogOf(double x) => x >= 0 ? -Math.Log(1 + Math.Exp(-x)) : x - Math.Log(1 + Math.Exp(x));
}
