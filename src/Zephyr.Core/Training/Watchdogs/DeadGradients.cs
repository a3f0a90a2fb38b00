namespace Zephyr.Training.Watchdogs;

/// <summary>Tells of a gradient that has gone, of the whole model or of single weights: nothing is learnt there any more.</summary>
internal sealed class DeadGradients
{
    /// <summary>Steps in a row after which it is told, once: a single step may well have none.</summary>
    public const int Patience = 5;

    // So far below AdamW's epsilon of 1e-8 an update is next to nothing.
    private const double Tiny = 1e-12;
    private const int Named = 3;

    private Dictionary<string, int> _weights = [];

    public int Steps { get; private set; }

    public IReadOnlyDictionary<string, int> Weights => _weights;

    /// <summary>Looks at the gradient of a step.</summary>
    /// <returns>What there is to say, as a clause; null for nothing.</returns>
    public string? See(StepSums sums)
    {
        if (sums.GradientNorm <= Tiny)
        {
            _weights = [];
            return ++Steps == Patience ? $"the gradient norm has been at most {Tiny} for {Patience} steps: nothing is learnt" : null;
        }
        Steps = 0;
        _weights = sums.WeightNorms.Where(weight => weight.Value == 0).ToDictionary(weight => weight.Key, weight => _weights.GetValueOrDefault(weight.Key) + 1);
        List<string> dead = [.. _weights.Where(weight => weight.Value == Patience).Select(weight => weight.Key)];
        return dead.Count == 0 ? null
            : $"the gradient of {string.Join(", ", dead.Take(Named))}{(dead.Count > Named ? $" and {dead.Count - Named} more weights" : "")} has been 0 for {Patience} steps, "
                + "while others have one";
    }

    public void Restore(WatchState state) => (Steps, _weights) = (state.DeadSteps, state.DeadWeights.ToDictionary());
}
