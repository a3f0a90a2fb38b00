using Zephyr.Configuration;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>Who is told of a training run.</summary>
internal static class RunObservers
{
    /// <summary>Whoever asked for the run, metrics.jsonl, and what report_to names.</summary>
    /// <param name="caller">Who asked for it.</param>
    /// <param name="folder">The output folder.</param>
    /// <param name="cadence">Holds report_to and logging_dir.</param>
    /// <param name="checkpoint">The checkpoint that the run goes on from; null for none.</param>
    /// <exception cref="UserErrorException">logging_dir is a file.</exception>
    public static ITrainingObserver Of(ITrainingObserver caller, RunFolder folder, CadenceOptions cadence, string? checkpoint)
    {
        var files = new MetricsFiles(folder.Root);
        if (!cadence.ReportTo.Contains("tensorboard")) return new CompositeObserver(caller, files);
        var events = cadence.LoggingDir ?? Path.Combine(folder.Root, "runs");
        if (File.Exists(events)) throw new UserErrorException($"logging_dir: {events} is a file, expected a folder");
        var goesOn = checkpoint is not null && folder.Holds(checkpoint);
        return new CompositeObserver(caller, files, new TensorBoardFiles(events, folder.Root, goesOn, TimeProvider.System));
    }
}
