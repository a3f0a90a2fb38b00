using Spectre.Console;
using Spectre.Console.Rendering;
using Zephyr.Training;

namespace Zephyr.Cli.Rendering;

/// <summary>A run at a glance: how far, how fast, how well. It remembers every step and draws itself as wide as it is asked to.</summary>
/// <param name="plan">What the run is about to do.</param>
/// <param name="time">The clock for the time gone and left.</param>
internal sealed class RunPanel(TrainingPlan plan, TimeProvider time)
{
    /// <summary>Narrower than this it says too little to be worth its lines.</summary>
    public const int LeastWidth = 56;

    /// <summary>As many lines as it takes at most.</summary>
    public const int MostLines = 9;

    private const int MostWidth = 110, LabelWidth = 20, ValueWidth = 10;
    private static readonly string[] Curves = ["loss", "rewards/margins", "rewards/accuracies"];
    private static readonly Style Quiet = new(Color.Grey), Plain = Style.Plain, Bar = new(Color.Green), Curve = new(Color.Blue);

    private readonly long _started = time.GetTimestamp();
    private readonly Dictionary<string, List<double>> _history = [];
    private StepReport? _step;
    private EvaluationReport? _evaluation;
    private string? _checkpoint;

    /// <summary>Whether there is anything to draw yet.</summary>
    public bool HasSteps => _step is not null;

    /// <summary>Time left at the pace of this run so far; zero once it is done.</summary>
    public TimeSpan Left => _step is null ? TimeSpan.Zero
        : time.GetElapsedTime(_started) / Math.Max(1, _step.Step - plan.StartStep) * (_step.TotalSteps - _step.Step);

    /// <summary>A step was taken.</summary>
    public void Add(StepReport step)
    {
        _step = step;
        foreach (var name in Curves)
        {
            if ((step.Own?.Means ?? step.Metrics).TryGetValue(name, out var value))
                (_history.TryGetValue(name, out var points) ? points : _history[name] = []).Add(value);
        }
    }

    /// <summary>An evaluation was made.</summary>
    public void Add(EvaluationReport evaluation) => _evaluation = evaluation;

    /// <summary>A checkpoint was written.</summary>
    public void AddCheckpoint(int afterStep, string path) => _checkpoint = $"step {afterStep}  {PlainText.OneLine(path)}";

    /// <summary>The panel as it stands.</summary>
    /// <param name="width">Columns of the terminal.</param>
    public IRenderable Draw(int width)
    {
        var step = _step!;
        var columns = Math.Min(width - 1, MostWidth);
        // Two borders and a space beside each.
        var room = columns - 4;
        return new Panel(new Rows(Lines(step, room).Select(line => Cut(line, room))))
        {
            Border = BoxBorder.Rounded,
            BorderStyle = Quiet,
            Width = columns,
            Header = new PanelHeader(Markup.Escape($" {plan.Stage}  step {step.Step}/{step.TotalSteps}  epoch {step.Epoch:0.00} ")),
        };
    }

    private IEnumerable<(string Text, Style Style)[]> Lines(StepReport step, int room)
    {
        yield return Progress(step, room);
        foreach (var name in Curves.Where(_history.ContainsKey))
        {
            var points = _history[name];
            yield return [(name.PadRight(LabelWidth), Quiet), (PlainText.Metric(name, points[^1]).PadRight(ValueWidth), Plain),
                (Sparkline.Of(points, room - LabelWidth - ValueWidth), Curve)];
        }
        yield return [.. Fitting(Facts(step), room)];
        if (_evaluation is not null) yield return [("evaluation".PadRight(LabelWidth), Quiet), .. Fitting(Results(_evaluation), room - LabelWidth)];
        if (_checkpoint is not null) yield return [("checkpoint".PadRight(LabelWidth), Quiet), (_checkpoint, Plain)];
    }

    private (string, Style)[] Progress(StepReport step, int room)
    {
        var share = (double)step.Step / step.TotalSteps;
        var text = $" {Math.Floor(100 * share),3} %  {PlainText.Duration(time.GetElapsedTime(_started))} gone  {PlainText.Duration(Left)} left";
        var length = Math.Max(0, room - text.Length);
        var done = (int)(share * length);
        return [(new('━', done), Bar), (new('─', length - done), Quiet), (text, Plain)];
    }

    private static IEnumerable<(string Name, string Value)> Facts(StepReport step)
    {
        if (step.Own is { } own)
        {
            yield return ("grad_norm ", $"{own.GradientNorm:0.00}");
            yield return ("learning_rate ", PlainText.Metric("learning_rate", own.LearningRate));
        }
        yield return ("", $"{PlainText.Count(step.TokensPerSecond)} tokens/s");
        if (step.MemoryBytes is { } bytes) yield return ("", PlainText.Gibibytes(bytes));
        yield return ("", $"{step.Seconds:0.00} s/step");
    }

    private static IEnumerable<(string Name, string Value)> Results(EvaluationReport evaluation) => Curves
        .Where(name => evaluation.Metrics.ContainsKey($"eval_{name}"))
        .Select(name => ($"{name} ", PlainText.Metric(name, evaluation.Metrics[$"eval_{name}"])))
        .Prepend(("", $"step {evaluation.Step}"));

    /// <summary>Those that fit into a line as a whole: half a number is a wrong one.</summary>
    private static IEnumerable<(string Text, Style Style)> Fitting(IEnumerable<(string Name, string Value)> facts, int room)
    {
        foreach (var (name, value) in facts)
        {
            room -= name.Length + value.Length;
            if (room < 0) yield break;
            yield return (name, Quiet);
            yield return (value + (room >= 2 ? "  " : ""), Plain);
            room -= 2;
        }
    }

    /// <summary>One line is one line: what does not fit is cut, never wrapped.</summary>
    private static Paragraph Cut((string Text, Style Style)[] parts, int room)
    {
        var line = new Paragraph();
        foreach (var (text, style) in parts)
        {
            var shown = text.Length > room ? text[..room] : text;
            line.Append(shown, style);
            room -= shown.Length;
        }
        return line;
    }
}
