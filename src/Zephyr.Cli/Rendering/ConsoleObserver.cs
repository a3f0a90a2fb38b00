using Spectre.Console;
using Zephyr.Training;

namespace Zephyr.Cli.Rendering;

/// <summary>
/// The progress of a run: one line that is redrawn on a terminal, a line for every logged step in a pipe. What others wrote is
/// printed as <see cref="Text"/>, never as markup.
/// </summary>
/// <param name="console">stderr.</param>
/// <param name="redraw">Whether a line can be redrawn.</param>
/// <param name="time">The clock for the time left and the rate of redrawing.</param>
internal sealed class ConsoleObserver(IAnsiConsole console, bool redraw, TimeProvider time) : ITrainingObserver, IDisposable
{
    private static readonly TimeSpan RedrawInterval = TimeSpan.FromMilliseconds(100);
    private static readonly string[] Shown = ["loss", "rewards/margins", "rewards/accuracies", "grad_norm", "learning_rate"];

    private IReadOnlyDictionary<string, double> _metrics = new Dictionary<string, double>();
    private int _startStep;
    private long _started;
    private long? _drawn;

    /// <summary>Shows on a terminal what is being waited for before there is anything to report.</summary>
    public void Wait(string what)
    {
        if (redraw) Draw(what);
    }

    /// <summary>Takes away a line that is still being redrawn, so that what others write starts on a clean one.</summary>
    public void Dispose() => Erase();

    /// <inheritdoc/>
    public void OnStart(TrainingPlan plan)
    {
        (_startStep, _started) = (plan.StartStep, time.GetTimestamp());
        WriteLine($"{plan.Stage}: {plan.TotalSteps} steps ({plan.Epochs:0.##} epoch{(plan.Epochs == 1 ? "" : "s")}), {PlainText.Count(plan.TrainableParameters)} parameters,"
            + $" {plan.Precision} on {plan.Device}{(plan.StartStep > 0 ? $", resumed after step {plan.StartStep}" : "")}");
    }

    /// <inheritdoc/>
    public void OnStep(StepReport report)
    {
        if (report.Logged) _metrics = report.Metrics;
        if (!redraw)
        {
            if (report.Logged) WriteLine(Describe(report));
        }
        else if (_drawn is null || time.GetElapsedTime(_drawn.Value) >= RedrawInterval || report.Step == report.TotalSteps)
        {
            Draw(Describe(report));
        }
    }

    /// <inheritdoc/>
    public void OnEvaluation(EvaluationReport report) =>
        WriteLine($"step {report.Step}  {Join(report.Metrics)}  ({PlainText.Duration(TimeSpan.FromSeconds(report.Seconds))})");

    /// <inheritdoc/>
    public void OnCheckpoint(string path, int afterStep) => WriteLine($"step {afterStep}  checkpoint {path}");

    /// <inheritdoc/>
    public void OnNote(string text) => WriteLine(text);

    /// <inheritdoc/>
    public void OnEnd(TrainingSummary summary) => WriteLine(
        $"{(summary.Interrupted ? "interrupted after" : "done:")} {summary.Steps} steps in"
        + $" {PlainText.Duration(TimeSpan.FromSeconds(summary.Seconds))}, written to {summary.OutputDir}");

    private string Describe(StepReport report)
    {
        var metrics = Join(Shown.Where(_metrics.ContainsKey).Select(name => KeyValuePair.Create(name, _metrics[name])));
        var left = time.GetElapsedTime(_started) / Math.Max(1, report.Step - _startStep) * (report.TotalSteps - report.Step);
        var memory = report.MemoryBytes is { } bytes ? $"  {bytes / (1024.0 * 1024 * 1024):0.0} GiB" : "";
        return $"step {report.Step}/{report.TotalSteps}  epoch {report.Epoch:0.00}  {metrics}  "
            + $"{PlainText.Count(report.TokensPerSecond)} tokens/s{memory}  {PlainText.Duration(left)} left";
    }

    private static string Join(IEnumerable<KeyValuePair<string, double>> metrics) =>
        string.Join("  ", metrics.Select(metric => $"{metric.Key} {PlainText.Metric(metric.Key, metric.Value)}"));

    private void Draw(string text)
    {
        // A line as wide as the terminal would wrap, and the next redraw would leave its first half standing.
        var room = Math.Max(1, console.Profile.Width - 1);
        Erase();
        console.Write(new Text(text.Length > room ? text[..room] : text, new Style(Color.Grey)));
        _drawn = time.GetTimestamp();
    }

    private void WriteLine(string text)
    {
        Erase();
        console.Write(new Text(PlainText.OneLine(text)) { Overflow = Overflow.Fold });
        console.WriteLine();
    }

    private void Erase()
    {
        if (_drawn is not null) console.Write(new ControlCode("\r\e[2K"));
        _drawn = null;
    }
}
