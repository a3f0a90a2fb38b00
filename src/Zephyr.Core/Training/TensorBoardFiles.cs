using System.Security.Cryptography;
using System.Text;
using Zephyr.Runtime;

namespace Zephyr.Training;

/// <summary>
/// What metrics.jsonl holds, as TensorBoard event files: the tags are those of transformers' Trainer, train/loss and
/// train/rewards/margins, eval/loss and eval/rewards/margins. A run that goes on begins a new file, which takes back what the old
/// ones hold beyond the checkpoint; one that starts over removes its old ones. Those of other runs in the folder stay.
/// </summary>
/// <param name="folder">Where the files go; made when the run starts.</param>
/// <param name="runFolder">The run's output folder: tells its files from those of other runs.</param>
/// <param name="goesOn">The run continues one that is in its folder already.</param>
/// <param name="time">Stamps the events.</param>
public sealed class TensorBoardFiles(string folder, string runFolder, bool goesOn, TimeProvider time) : ITrainingObserver
{
    private const string Evaluation = "eval_";

    private readonly string _run = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path.TrimEndingDirectorySeparator(Path.GetFullPath(runFolder)))))[..8];
    private EventFile? _file;

    /// <inheritdoc/>
    public void OnStart(TrainingPlan plan)
    {
        try
        {
            Directory.CreateDirectory(folder);
            if (!goesOn)
                foreach (var old in EventFile.Of(folder, _run).ToList()) File.Delete(old);
            _file = new(folder, _run, time);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"logging_dir: {folder} cannot be written: {error.Message}", error);
        }
        if (goesOn) _file.Restart(plan.StartStep + 1);
    }

    /// <inheritdoc/>
    public void OnStep(StepReport report)
    {
        if (report.Logged) _file?.Write(report.Step, report.Metrics.Append(new("epoch", report.Epoch)).Select(Tagged));
    }

    /// <inheritdoc/>
    public void OnEvaluation(EvaluationReport report) => _file?.Write(report.Step, report.Metrics.Select(Tagged));

    /// <inheritdoc/>
    public void OnCheckpoint(string path, int afterStep) { }

    /// <inheritdoc/>
    public void OnNote(string text) { }

    /// <inheritdoc/>
    public void OnEnd(TrainingSummary summary) { }

    private static KeyValuePair<string, double> Tagged(KeyValuePair<string, double> metric) => metric.Key.StartsWith(Evaluation, StringComparison.Ordinal)
        ? new($"eval/{metric.Key[Evaluation.Length..]}", metric.Value)
        : new($"train/{metric.Key}", metric.Value);
}
