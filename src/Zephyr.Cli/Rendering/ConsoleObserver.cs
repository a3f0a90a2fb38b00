using Spectre.Console;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Cli.Rendering;

/// <summary>
/// The progress of a run on stderr: a panel that is redrawn on a terminal, or one line where that is too small for a panel, and a line
/// for every logged step in a pipe. What others wrote is printed as <see cref="Text"/>, never as markup.
/// </summary>
/// <param name="console">Progress goes to its stderr.</param>
/// <param name="time">The clock for the time left and the rate of redrawing.</param>
internal sealed class ConsoleObserver(CliConsole console, TimeProvider time) : ITrainingObserver, IDisposable
{
    private static readonly TimeSpan RedrawInterval = TimeSpan.FromMilliseconds(100), PipeInterval = TimeSpan.FromSeconds(30);
    private static readonly string[] Shown = ["loss", "rewards/margins", "rewards/accuracies", "grad_norm", "learning_rate"];

    private RunPanel? _panel;
    private StepReport? _last;
    private IReadOnlyDictionary<string, double> _logged = new Dictionary<string, double>();
    private long? _drawn;

    /// <summary>Shows on a terminal what is being waited for before there is anything to report.</summary>
    public void Wait(string what) => ShowLine(what);

    /// <summary>Takes away what is still being redrawn, so that what others write starts on a clean line.</summary>
    public void Dispose() => console.Live?.Clear();

    /// <inheritdoc/>
    public void OnPreparation(string what, int done, int total)
    {
        var line = $"{what}: {done} of {total}";
        if (console.Live is not null)
        {
            if (IsTime(RedrawInterval) || done == total) ShowLine(line + " ...");
            else return;
        }
        // A pipe has no line to redraw: it gets one now and then.
        else if (_drawn is not null)
        {
            if (!IsTime(PipeInterval)) return;
            WriteLine(line);
        }
        _drawn = time.GetTimestamp();
    }

    /// <inheritdoc/>
    public void OnStart(TrainingPlan plan)
    {
        (_panel, _last, _drawn) = (new(plan, time), null, null);
        console.Live?.Clear();
        WriteLine($"{plan.Stage}: {plan.TotalSteps} steps ({plan.Epochs:0.##} epoch{(plan.Epochs == 1 ? "" : "s")}), {PlainText.Count(plan.TrainableParameters)} parameters,"
            + $" {plan.Precision} on {plan.Device}{(plan.StartStep > 0 ? $", resumed after step {plan.StartStep}" : "")}");
        ShowLine($"{plan.Stage}: on its way to step {plan.StartStep + 1} ...");
    }

    /// <inheritdoc/>
    public void OnStep(StepReport report)
    {
        if (report.Logged) _logged = report.Metrics;
        _last = report;
        _panel?.Add(report);
        if (console.Live is null)
        {
            if (report.Logged) WriteLine(Describe(report, _logged));
        }
        else if (IsTime(RedrawInterval) || report.Step == report.TotalSteps)
        {
            Redraw();
        }
    }

    /// <inheritdoc/>
    public void OnEvaluation(EvaluationReport report)
    {
        _panel?.Add(report);
        WriteLine($"step {report.Step}  {Join(report.Metrics)}  ({PlainText.Duration(TimeSpan.FromSeconds(report.Seconds))})");
        Redraw();
    }

    /// <inheritdoc/>
    public void OnCheckpoint(string path, int afterStep)
    {
        _panel?.AddCheckpoint(afterStep, path);
        if (!PanelFits) WriteLine($"step {afterStep}  checkpoint {path}");
        Redraw();
    }

    /// <inheritdoc/>
    public void OnNote(string text) => WriteLine(Secrets.Mask(text));

    /// <inheritdoc/>
    public void OnEnd(TrainingSummary summary)
    {
        console.Live?.Clear();
        // The last state of the panel stays, now as text like any other.
        if (PanelFits && _panel is { HasSteps: true } panel) console.Progress.Write(panel.Draw(Width));
        WriteLine($"{(summary.Interrupted ? "interrupted after" : "done:")} {summary.Steps} steps in"
            + $" {PlainText.Duration(TimeSpan.FromSeconds(summary.Seconds))}, written to {summary.OutputDir}");
    }

    private int Width => console.Progress.Profile.Width;

    private bool PanelFits => console.Live is not null && Width > RunPanel.LeastWidth && console.Progress.Profile.Height > RunPanel.MostLines + 1;

    private bool IsTime(TimeSpan interval) => _drawn is null || time.GetElapsedTime(_drawn.Value) >= interval;

    private void Redraw()
    {
        if (console.Live is not { } live || _last is not { } step || _panel is not { } panel) return;
        if (PanelFits)
        {
            string[] lines = [.. console.Progress.ToAnsi(panel.Draw(Width)).TrimEnd('\n').Split('\n')];
            live.Show(lines, Width - 1);
        }
        else
        {
            ShowLine(Describe(step, step.Own is { } own ? Current(own) : _logged));
        }
        _drawn = time.GetTimestamp();
    }

    private static Dictionary<string, double> Current(StepValues own) =>
        new(own.Means) { ["grad_norm"] = own.GradientNorm, ["learning_rate"] = own.LearningRate };

    private string Describe(StepReport report, IReadOnlyDictionary<string, double> values)
    {
        var metrics = Join(Shown.Where(values.ContainsKey).Select(name => KeyValuePair.Create(name, values[name])));
        var memory = report.MemoryBytes is { } bytes ? $"  {PlainText.Gibibytes(bytes)}" : "";
        return $"step {report.Step}/{report.TotalSteps}  epoch {report.Epoch:0.00}  {metrics}  "
            + $"{PlainText.Count(report.TokensPerSecond)} tokens/s{memory}  {PlainText.Duration(_panel?.Left ?? TimeSpan.Zero)} left";
    }

    private static string Join(IEnumerable<KeyValuePair<string, double>> metrics) =>
        string.Join("  ", metrics.Select(metric => $"{metric.Key} {PlainText.Metric(metric.Key, metric.Value)}"));

    /// <summary>A single line that is redrawn. One as wide as the terminal would wrap.</summary>
    private void ShowLine(string text)
    {
        if (console.Live is not { } live) return;
        var room = Math.Max(1, Width - 1);
        var shown = text.Length > room ? text[..room] : text;
        live.Show([console.Progress.ToAnsi(new Text(shown, new Style(Color.Grey)))], shown.Length);
    }

    private void WriteLine(string text)
    {
        console.Progress.Write(new Text(PlainText.OneLine(text)) { Overflow = Overflow.Fold });
        console.Progress.WriteLine();
    }
}
