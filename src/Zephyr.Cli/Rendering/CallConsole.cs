using Serilog;
using Spectre.Console;
using Zephyr.Feedback.Calls;
using Zephyr.Runtime;

namespace Zephyr.Cli.Rendering;

/// <summary>
/// The progress of calls on stderr, with what they have cost so far: a line that is redrawn on a terminal, and a line twice a minute in a pipe. Notes go to the log as well.
/// </summary>
/// <param name="console">Progress goes to its stderr.</param>
/// <param name="log">The run's log.</param>
/// <param name="quiet">Nothing on stderr.</param>
/// <param name="time">The clock for the time left and the rate of redrawing.</param>
internal sealed class CallConsole(CliConsole console, ILogger log, bool quiet, TimeProvider time) : ICallObserver, IDisposable
{
    private static readonly TimeSpan RedrawInterval = TimeSpan.FromMilliseconds(100), PipeInterval = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private CallCounts? _counts;
    private (string What, long Done, long? Total)? _items;
    private (long Time, long Done)? _begun;
    private long? _drawn;

    /// <inheritdoc/>
    public void OnCalls(CallCounts counts)
    {
        lock (_gate)
        {
            _counts = counts;
            // What the journal had says nothing of how fast models answer.
            if (_begun is null && counts.Usage.Calls > counts.Replayed) _begun = (time.GetTimestamp(), _items?.Done ?? 0);
            Draw();
        }
    }

    /// <inheritdoc/>
    public void OnItems(string what, long done, long? total)
    {
        lock (_gate)
        {
            _items = (what, done, total);
            Draw();
        }
    }

    /// <inheritdoc/>
    public void OnNote(string text)
    {
        log.Information("{Note}", text);
        if (quiet) return;
        lock (_gate) WriteLine(Secrets.Mask(text));
    }

    /// <summary>Takes away what is being redrawn.</summary>
    public void Dispose() => console.Live?.Clear();

    private void Draw()
    {
        var interval = console.Live is null ? PipeInterval : RedrawInterval;
        // In a pipe the first line comes after the first interval: a short run has none.
        if (_drawn is null && console.Live is null) _drawn = time.GetTimestamp();
        if (_drawn is { } drawn && time.GetElapsedTime(drawn) < interval) return;
        _drawn = time.GetTimestamp();
        var line = Describe();
        log.Debug("{Progress}", line);
        if (quiet) return;
        if (console.Live is { } live) Show(live, line);
        else WriteLine(line);
    }

    private string Describe()
    {
        List<string> parts = [];
        if (_items is { } items) parts.Add(items.Total is { } total ? $"{PlainText.Whole(items.Done)} of {PlainText.Whole(total)} {items.What}" : $"{PlainText.Whole(items.Done)} {items.What}");
        if (_counts is { } counts)
        {
            var usage = counts.Usage;
            parts.Add($"{PlainText.Several(usage.Calls, "call")}{(counts.Replayed > 0 ? $" ({PlainText.Whole(counts.Replayed)} from the journal)" : "")}");
            if (usage.Failed > 0) parts.Add($"{PlainText.Whole(usage.Failed)} failed");
            parts.Add($"{counts.UnderWay} under way");
            parts.Add($"{PlainText.Count(usage.Tokens)} tokens");
            parts.Add($"cost {PlainText.Money(counts.Spent.Cost)}");
        }
        if (Left() is { } left) parts.Add($"{PlainText.Duration(left)} left");
        return string.Join(", ", parts);
    }

    private TimeSpan? Left() => _begun is { } begun && _items is { Total: { } total } items && items.Done > begun.Done
        ? time.GetElapsedTime(begun.Time) * ((double)(total - items.Done) / (items.Done - begun.Done)) : null;

    private void Show(LiveArea live, string line)
    {
        var room = Math.Max(1, console.Progress.Profile.Width - 1);
        var shown = line.Length > room ? line[..room] : line;
        live.Show([console.Progress.ToAnsi(new Text(shown, new Style(Color.Grey)))], shown.Length);
    }

    private void WriteLine(string text)
    {
        console.Progress.Write(new Text(PlainText.OneLine(text)) { Overflow = Overflow.Fold });
        console.Progress.WriteLine();
    }
}
