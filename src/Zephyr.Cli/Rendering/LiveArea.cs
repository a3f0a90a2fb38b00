using System.Text;

namespace Zephyr.Cli.Rendering;

/// <summary>
/// A terminal whose last lines can be drawn again. Everything else that is written goes above them: they are taken away, the text
/// is written, and they come back once it ends a line, so that a log or a signal's message cannot tear them. The cursor rests on
/// the line below: there the terminal echoes ^C, and there the shell goes on if the program ends at once.
/// </summary>
/// <param name="terminal">The terminal itself.</param>
/// <param name="width">Its columns at this moment; not above 0 where it does not know.</param>
internal sealed class LiveArea(TextWriter terminal, Func<int> width) : TextWriter
{
    private readonly Lock _gate = new();
    private IReadOnlyList<string> _lines = [];
    private int _columns;
    private bool _onScreen, _withinLine;

    /// <inheritdoc/>
    public override Encoding Encoding => terminal.Encoding;

    /// <summary>Draws lines in place of those that stand there.</summary>
    /// <param name="lines">Each no wider than the terminal; they may hold colour sequences.</param>
    /// <param name="columns">How wide the widest is on the screen.</param>
    public void Show(IReadOnlyList<string> lines, int columns)
    {
        lock (_gate)
        {
            var away = TakeAway();
            (_lines, _columns) = (lines, columns);
            terminal.Write(away + PutBack());
        }
    }

    /// <summary>Takes the lines away for good.</summary>
    public void Clear() => Show([], 0);

    /// <inheritdoc/>
    public override void Write(string? value)
    {
        if (string.IsNullOrEmpty(value)) return;
        lock (_gate)
        {
            var away = TakeAway();
            _withinLine = value[^1] != '\n';
            terminal.Write(away + value + PutBack());
        }
    }

    /// <inheritdoc/>
    public override void Write(char value) => Write(value.ToString());

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<char> buffer) => Write(new string(buffer));

    /// <inheritdoc/>
    public override void WriteLine(string? value) => Write(value + CoreNewLine[^1]);

    /// <inheritdoc/>
    public override void Flush() => terminal.Flush();

    private string TakeAway()
    {
        if (!_onScreen) return "";
        _onScreen = false;
        // A terminal that has become narrower since has broken the lines that no longer fit.
        var rows = width() is > 0 and var room && room < _columns ? _lines.Count * ((_columns + room - 1) / room) : _lines.Count;
        return $"\r\e[{rows}A\e[J";
    }

    private string PutBack()
    {
        _onScreen = _lines.Count > 0 && !_withinLine;
        return _onScreen ? string.Concat(_lines.Select(line => line + "\n")) : "";
    }
}
