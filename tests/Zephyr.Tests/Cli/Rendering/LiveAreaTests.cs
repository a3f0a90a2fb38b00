using Zephyr.Cli;
using Zephyr.Cli.Rendering;

namespace Zephyr.Tests.Cli.Rendering;

public sealed class LiveAreaTests : IDisposable
{
    private readonly FakeTerminal _terminal = new(20);
    private readonly LiveArea _area;

    public LiveAreaTests() => _area = new(_terminal, () => _terminal.Width);

    public void Dispose()
    {
        _area.Dispose();
        _terminal.Dispose();
    }

    [Fact]
    public void Lines_are_drawn_in_place_and_taken_away()
    {
        _area.Show(["one", "two", "three"], 5);
        Assert.Equal(["one", "two", "three", ""], _terminal.Lines);
        _area.Show(["1"], 1);
        Assert.Equal(["1", ""], _terminal.Lines);
        _area.Clear();
        _area.Clear();
        Assert.Equal([""], _terminal.Lines);
    }

    [Fact]
    public void What_others_write_goes_above_in_whole_lines()
    {
        _area.Show(["| 1 |", "| 2 |"], 5);
        _area.WriteLine("a line");
        Assert.Equal(["a line", "| 1 |", "| 2 |", ""], _terminal.Lines);
        _area.Write("begun ");
        Assert.Equal(["a line", "begun"], _terminal.Lines);
        _area.Show(["| 3 |"], 5);
        Assert.Equal(["a line", "begun"], _terminal.Lines);
        _area.Write('x');
        _area.WriteLine();
        Assert.Equal(["a line", "begun x", "| 3 |", ""], _terminal.Lines);
    }

    /// <summary>The terminal echoes ^C where the cursor rests: below the lines, in a row that is taken away with them.</summary>
    [Fact]
    public void An_echo_of_the_terminal_leaves_nothing_behind()
    {
        _area.Show(["| 1 |", "| 2 |"], 5);
        _terminal.Write("^C");
        _area.WriteLine("stopping");
        Assert.Equal(["stopping", "| 1 |", "| 2 |", ""], _terminal.Lines);
    }

    [Theory]
    [InlineData(30)]
    [InlineData(12)]
    [InlineData(5)]
    public void A_window_of_another_width_is_as_clean(int width)
    {
        _area.WriteLine("before");
        _area.Show([new('=', 19), new('-', 19)], 19);
        _terminal.Width = width;
        _area.Show(["small"], 5);
        Assert.Equal(["before", "small", ""], _terminal.Lines);
    }

    [Fact]
    public void Many_writers_tear_nothing()
    {
        Parallel.For(0, 400, i =>
        {
            if (i % 2 == 0) _area.Show([$"[{i}", $"{i}]"], 5);
            else _area.WriteLine($"line {i} end");
        });
        _area.Clear();
        Assert.Equal(201, _terminal.Lines.Count);
        Assert.All(_terminal.Lines.SkipLast(1), line => Assert.Matches("^line [0-9]+ end$", line));
    }

    /// <summary>Without a terminal that redraws there is none, and the stream is the stream.</summary>
    [Fact]
    public void A_pipe_has_none()
    {
        using var pipe = new StringWriter();
        Assert.Null(new CliConsole(TextWriter.Null, pipe).Live);
        Assert.Same(pipe, new CliConsole(TextWriter.Null, pipe, errorTerminal: new(() => 80, Redraws: false, Colors: false)).Error);
    }
}
