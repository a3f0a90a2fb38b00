using System.Globalization;
using System.Text;
using Zephyr.Cli;

namespace Zephyr.Tests.Cli.Rendering;

/// <summary>
/// What a person would see: text with the control sequences that a line is redrawn with carried out, colours noted and left out. Lines
/// longer than the screen is wide go on in the next row, also after the window was made narrower.
/// </summary>
internal sealed class FakeTerminal(int width, int height = 24) : TextWriter
{
    private readonly List<StringBuilder> _lines = [new()];
    private readonly StringBuilder _sequence = new();
    private int _line, _at;

    public int Width { get; set; } = width;

    public bool SawColors { get; private set; }

    /// <summary>The lines on the screen, without spaces at their ends; the cursor's own is the last.</summary>
    public IReadOnlyList<string> Lines => [.. _lines.Select(line => line.ToString().TrimEnd())];

    /// <summary>Rows that a line too wide for the screen has flowed over into.</summary>
    public int WrappedRows => _lines.Sum(line => RowsOf(line) - 1);

    public override Encoding Encoding => Encoding.UTF8;

    public TerminalTraits Traits(bool colors = false) => new(() => Width, Redraws: true, colors, () => height);

    public override void Write(char value)
    {
        if (_sequence.Length > 0 || value == '\e')
        {
            _sequence.Append(value);
            if (_sequence.Length > 1 && char.IsAsciiLetter(value)) Obey();
        }
        else if (value == '\r')
        {
            _at -= _at % Width;
        }
        else if (value == '\n')
        {
            (_line, _at) = (_line + 1, 0);
            if (_line == _lines.Count) _lines.Add(new());
        }
        else
        {
            var line = _lines[_line];
            if (_at < line.Length) line[_at] = value;
            else line.Append(value);
            _at++;
        }
    }

    private void Obey()
    {
        var sequence = _sequence.ToString();
        _sequence.Clear();
        if (sequence[^1] == 'm')
        {
            SawColors = true;
        }
        else if (sequence[^1] == 'A')
        {
            for (var rows = int.Parse(sequence[2..^1], CultureInfo.InvariantCulture); rows > 0; rows--) Up();
        }
        else if (sequence == "\e[J")
        {
            _lines[_line].Length = Math.Min(_at, _lines[_line].Length);
            _lines.RemoveRange(_line + 1, _lines.Count - _line - 1);
        }
        else
        {
            Assert.Fail($"the sequence {sequence[1..]} is not known here");
        }
    }

    private void Up()
    {
        if (_at >= Width)
        {
            _at -= Width;
            return;
        }
        Assert.True(_line > 0, "the cursor was sent above the first row");
        _line--;
        _at += (RowsOf(_lines[_line]) - 1) * Width;
    }

    private int RowsOf(StringBuilder line) => Math.Max(1, (line.Length + Width - 1) / Width);
}
