using Zephyr.Cli;
using Zephyr.Cli.Rendering;
using Zephyr.Training;

namespace Zephyr.Tests.Cli.Rendering;

public sealed class ConsoleObserverTests : IDisposable
{
    private static readonly TrainingPlan Plan = new("dpo", 100, 10, 1, 7_241_732_096, "cuda:0", "bfloat16 with float32 master");
    private readonly StringWriter _error = new() { NewLine = "\n" };
    private readonly ManualTime _time = new();

    [Fact]
    public void In_a_pipe_every_logged_step_is_a_line()
    {
        Tell(Observer(terminal: null));
        Assert.Equal(
            """
            dpo: 100 steps (1 epoch), 7.24B parameters, bfloat16 with float32 master on cuda:0, resumed after step 10
            step 20/100  epoch 0.20  loss 0.6931  learning_rate 5.0e-07  12.3k tokens/s  2.0 GiB  1:20 left
            step 20  eval_loss 0.5000  eval_rewards/accuracies 0.7500  (1:05)
            step 20  checkpoint runs/[red]x[/]/checkpoint-20
            done: 100 steps in 1:02:03, written to runs/x

            """.ReplaceLineEndings("\n"), _error.ToString());
    }

    [Fact]
    public void A_terminal_too_narrow_for_a_panel_has_one_line_that_is_redrawn_and_never_wraps()
    {
        using var terminal = new FakeTerminal(30);
        var observer = On(terminal);
        observer.Wait("dpo: reading and checking what it starts from ...");
        Assert.Equal(["dpo: reading and checking wha", ""], terminal.Lines);
        observer.OnStart(Plan);
        Step(observer, 20, logged: true);
        Assert.Equal("step 20/100  epoch 0.20  loss", terminal.Lines[^2]);
        _time.Advance(TimeSpan.FromSeconds(1));
        Step(observer, 21, logged: false);
        Assert.Equal("step 21/100  epoch 0.21  loss", terminal.Lines[^2]);
        Assert.DoesNotContain(terminal.Lines.SkipLast(2), line => line.StartsWith("step 2", StringComparison.Ordinal));
        observer.OnEvaluation(Evaluation);
        Assert.StartsWith("step 21/100", terminal.Lines[^2], StringComparison.Ordinal);
        observer.OnEnd(End);
        Assert.DoesNotContain(terminal.Lines, line => line.StartsWith("step 21/100", StringComparison.Ordinal));
        Assert.Equal(0, terminal.WrappedRows);
    }

    /// <summary>metrics are logged now and then; the line is of the step that was just taken.</summary>
    [Fact]
    public void The_line_shows_the_loss_of_a_step_that_is_not_logged()
    {
        using var terminal = new FakeTerminal(140, height: 8);
        var observer = On(terminal);
        observer.OnStart(Plan);
        Step(observer, 11, logged: false);
        Assert.Equal("step 11/100  epoch 0.11  loss 0.5500  rewards/margins 0.1100  grad_norm 3.0000  learning_rate 5.0e-07  12.3k tokens/s  0:00 left", terminal.Lines[^2]);
    }

    [Fact]
    public void A_terminal_that_does_not_know_its_width_is_no_obstacle()
    {
        Tell(Observer(new TerminalTraits(() => 0, Redraws: true, Colors: true)));
        Assert.Contains("0.6931", _error.ToString());
    }

    [Fact]
    public void What_takes_long_before_the_first_step_is_told_now_and_then_in_a_pipe_and_redrawn_on_a_terminal()
    {
        var pipe = Observer(terminal: null);
        using var terminal = new FakeTerminal(60);
        var live = On(terminal);
        for (var done = 10; done <= 100; done += 10)
        {
            pipe.OnPreparation("sums", done, 100);
            live.OnPreparation("sums", done, 100);
            if (done is 20 or 100) Assert.Equal($"sums: {done} of 100 ...", terminal.Lines[^2]);
            _time.Advance(TimeSpan.FromSeconds(8));
        }
        Assert.Equal("sums: 50 of 100\nsums: 90 of 100\n", _error.ToString());
        Assert.Equal(2, terminal.Lines.Count);
    }

    [Fact]
    public void Text_of_others_cannot_redraw_the_terminal()
    {
        Observer(terminal: null).OnNote("a\e[2J[bold]b[/]\nc");
        Assert.Equal("a [2J[bold]b[/] c\n", _error.ToString());
    }

    [Fact]
    public void Every_observer_of_a_composite_is_told()
    {
        Tell(new CompositeObserver(SilentObserver.Instance, Observer(terminal: null), Observer(terminal: null)));
        Assert.Equal(2, _error.ToString().Split("done: ").Length - 1);
    }

    [Fact]
    public void A_table_keeps_brackets_and_numbers_as_they_are()
    {
        using var output = new StringWriter { NewLine = "\n" };
        ResultTable.Write(new CliConsole(output, _error).Results, ["text", ">sum"], [["[red]a[/]", "-1.5"], ["b", "-20.25"]]);
        var lines = output.ToString().Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0).ToList();
        Assert.Equal(4, lines.Count);
        Assert.Contains("[red]a[/]", lines[2]);
        Assert.EndsWith("  -1.5", lines[2]);
        Assert.EndsWith("-20.25", lines[3]);
    }

    public void Dispose() => _error.Dispose();

    private static EvaluationReport Evaluation => new(20, 0.2, new Dictionary<string, double> { ["eval_loss"] = 0.5, ["eval_rewards/accuracies"] = 0.75 }, 65);

    private static TrainingSummary End => new(100, 3723, "runs/x", Interrupted: false);

    private static void Step(ConsoleObserver observer, int step, bool logged)
    {
        var own = new StepValues(new Dictionary<string, double> { ["loss"] = step / 20.0, ["rewards/margins"] = step / 100.0 }, 3, 5e-7);
        observer.OnStep(new(step, 100, step / 100.0, logged ? new Dictionary<string, double> { ["loss"] = 0.6 } : [], 4096, 1, 12_345, null, logged) { Own = own });
    }

    private void Tell(ITrainingObserver observer)
    {
        observer.OnStart(Plan);
        _time.Advance(TimeSpan.FromSeconds(10));
        var metrics = new Dictionary<string, double> { ["loss"] = 0.6931472, ["learning_rate"] = 5e-7, ["num_tokens"] = 1234 };
        observer.OnStep(new(20, 100, 0.2, metrics, 4096, 1, 12_345, 2L << 30, Logged: true));
        observer.OnStep(new(21, 100, 0.21, new Dictionary<string, double>(), 4096, 1, 12_345, null, Logged: false));
        observer.OnEvaluation(Evaluation);
        observer.OnCheckpoint("runs/[red]x[/]/checkpoint-20", 20);
        observer.OnEnd(End);
    }

    private ConsoleObserver Observer(TerminalTraits? terminal) => new(new CliConsole(TextWriter.Null, _error, errorTerminal: terminal), _time);

    private ConsoleObserver On(FakeTerminal terminal) => new(new CliConsole(TextWriter.Null, terminal, errorTerminal: terminal.Traits()), _time);
}
