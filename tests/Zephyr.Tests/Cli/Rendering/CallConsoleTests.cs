using Serilog;
using Zephyr.Cli.Rendering;
using Zephyr.Feedback.Calls;

namespace Zephyr.Tests.Cli.Rendering;

public sealed class CallConsoleTests : IDisposable
{
    private static readonly CallCounts Counts = new(new(Calls: 1_234, Failed: 2, PromptTokens: 300_000, CompletionTokens: 45_600, Cost: 1), Replayed: 234, UnderWay: 16, Spent: new(2_000, 2, 0, 0, 12.345m));

    private readonly StringWriter _error = new() { NewLine = "\n" };
    private readonly ManualTime _time = new();

    public void Dispose() => _error.Dispose();

    [Fact]
    public void A_terminal_has_one_line_with_what_is_done_spent_and_left()
    {
        using var terminal = new FakeTerminal(200);
        using var console = new CallConsole(new(TextWriter.Null, terminal, errorTerminal: terminal.Traits()), Log.Logger, quiet: false, _time);
        console.OnItems("prompts", 40, 400);
        console.OnCalls(Counts);
        _time.Advance(TimeSpan.FromSeconds(10));
        console.OnItems("prompts", 60, 400);
        Assert.Equal(["60 of 400 prompts, 1,234 calls (234 from the journal), 2 failed, 16 under way, 345.6k tokens, cost 12.35, 2:50 left", ""], terminal.Lines);
        console.OnNote("a [red]note[/]");
        Assert.Equal("a [red]note[/]", terminal.Lines[0]);
        Assert.StartsWith("60 of 400 prompts, ", terminal.Lines[1], StringComparison.Ordinal);
        console.Dispose();
        Assert.Equal(["a [red]note[/]", ""], terminal.Lines);
    }

    [Fact]
    public void A_narrow_terminal_wraps_nothing_and_redraws_now_and_then()
    {
        using var terminal = new FakeTerminal(30);
        using var console = new CallConsole(new(TextWriter.Null, terminal, errorTerminal: terminal.Traits()), Log.Logger, quiet: false, _time);
        console.OnItems("prompts", 1, 400);
        console.OnItems("prompts", 2, 400);
        Assert.Equal("1 of 400 prompts", terminal.Lines[0]);
        _time.Advance(TimeSpan.FromMilliseconds(150));
        console.OnCalls(Counts);
        Assert.Equal("2 of 400 prompts, 1,234 calls", terminal.Lines[0]);
        Assert.Equal(0, terminal.WrappedRows);
    }

    [Fact]
    public void A_pipe_has_a_line_twice_a_minute()
    {
        using var console = new CallConsole(new(TextWriter.Null, _error), Log.Logger, quiet: false, _time);
        for (var i = 1; i <= 120; i++)
        {
            console.OnItems("prompts", i, null);
            _time.Advance(TimeSpan.FromSeconds(0.5));
        }
        Assert.Equal("61 prompts\n", _error.ToString());
    }

    [Fact]
    public void A_stop_says_what_it_waits_for()
    {
        using var console = new CallConsole(new(TextWriter.Null, _error), Log.Logger, quiet: false, _time);
        console.OnStop();
        console.OnCalls(Counts);
        console.OnStop();
        Assert.Equal("16 calls out: waiting for what is paid for; all answers are kept\n", _error.ToString());
    }

    [Fact]
    public void Quiet_is_quiet()
    {
        using var console = new CallConsole(new(TextWriter.Null, _error), Log.Logger, quiet: true, _time);
        console.OnItems("prompts", 1, 2);
        _time.Advance(TimeSpan.FromMinutes(1));
        console.OnItems("prompts", 2, 2);
        console.OnNote("a note");
        Assert.Equal("", _error.ToString());
    }
}
