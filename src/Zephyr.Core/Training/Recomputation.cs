using Zephyr.Configuration;

namespace Zephyr.Training;

/// <summary>Which layers are run again on the way back.</summary>
public static class Recomputation
{
    /// <summary>Every k-th layer; 0 for none.</summary>
    public static int RecomputeEvery(this TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.GradientCheckpointing ? options.GradientCheckpointingEvery : 0;
    }
}
