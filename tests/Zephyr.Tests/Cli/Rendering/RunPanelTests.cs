using Zephyr.Cli;
using Zephyr.Cli.Rendering;
using Zephyr.Tests.Data.Sources;
using Zephyr.Training;

namespace Zephyr.Tests.Cli.Rendering;

/// <summary>The panel as a person sees it, from the first step to what stays on the screen.</summary>
public sealed class RunPanelTests : IDisposable
{
    private readonly FakeTerminal _terminal = new(80);
    private readonly ManualTime _time = new();

    public void Dispose() => _terminal.Dispose();

    [Fact]
    public void Everything_at_a_glance()
    {
        var observer = Begin("dpo", steps: 40);
        observer.OnEvaluation(Evaluation);
        observer.OnCheckpoint("runs/[red]x[/]/checkpoint-40", 40);
        Shows(
            """
            dpo: 100 steps (1 epoch), 58M parameters, float32 on cpu
            step 40  eval_loss 0.5000  eval_rewards/accuracies 0.7500  (1:05)
            ╭─dpo  step 40/100  epoch 0.40────────────────────────────────────────────────╮
            │ ━━━━━━━━━━━━━━━━━━─────────────────────────────  40 %  0:40 gone  1:00 left │
            │ loss                0.6000    █████▇▇▇▇▇▆▆▆▆▆▅▅▅▅▅▄▄▄▄▄▃▃▃▃▃▂▂▂▂▂▁▁▁▁▁      │
            │ rewards/margins     4.0000    ▁▁▁▁▁▂▂▂▂▂▃▃▃▃▃▄▄▄▄▄▅▅▅▅▅▆▆▆▆▆▇▇▇▇▇█████      │
            │ rewards/accuracies  0.0000    ▃▆█▁▃▆█▁▃▆█▁▃▆█▁▃▆█▁▃▆█▁▃▆█▁▃▆█▁▃▆█▁▃▆█▁      │
            │ grad_norm 12.35  learning_rate 5.0e-07  12.3k tokens/s  1.5 GiB             │
            │ evaluation          step 40  loss 0.5000  rewards/accuracies 0.7500         │
            │ checkpoint          step 40  runs/[red]x[/]/checkpoint-40                   │
            ╰─────────────────────────────────────────────────────────────────────────────╯

            """);
    }

    /// <summary>At its narrowest what does not fit is left out as a whole, and only a path is cut.</summary>
    [Fact]
    public void A_narrow_terminal_leaves_out_and_never_wraps()
    {
        _terminal.Width = RunPanel.LeastWidth + 1;
        var observer = Begin("dpo", steps: 100);
        observer.OnEvaluation(Evaluation);
        observer.OnCheckpoint("runs/a-folder-with-a-rather-long-name/checkpoint-100", 100);
        Assert.Equal(0, _terminal.WrappedRows);
        Shows(
            """
            dpo: 100 steps (1 epoch), 58M parameters, float32 on cpu
            step 40  eval_loss 0.5000  eval_rewards/accuracies 0.7500
            (1:05)
            ╭─dpo  step 100/100  epoch 1.00────────────────────────╮
            │ ━━━━━━━━━━━━━━━━━━━━━━━━ 100 %  1:40 gone  0:00 left │
            │ loss                0.0000    ███▇▇▇▆▆▅▅▅▄▄▄▃▃▂▂▂▁▁▁ │
            │ rewards/margins     10.0000   ▁▁▁▂▂▂▃▃▄▄▄▅▅▅▆▆▇▇▇███ │
            │ rewards/accuracies  0.0000    ▅▃▅▆▅█▅▁▅▃▆▅█▅▁▅▃▅▆▅█▁ │
            │ grad_norm 12.35  learning_rate 5.0e-07               │
            │ evaluation          step 40  loss 0.5000             │
            │ checkpoint          step 100  runs/a-folder-with-a-r │
            ╰──────────────────────────────────────────────────────╯

            """);
    }

    [Fact]
    public void A_run_leaves_its_last_panel_and_how_it_ended()
    {
        var observer = Begin("sft", steps: 7);
        observer.OnEnd(new(7, 7, "runs/x", Interrupted: true));
        observer.Dispose();
        Shows(
            """
            sft: 100 steps (1 epoch), 58M parameters, float32 on cpu
            ╭─sft  step 7/100  epoch 0.07─────────────────────────────────────────────────╮
            │ ━━━────────────────────────────────────────────   7 %  0:07 gone  1:33 left │
            │ loss                0.9300    █▇▆▅▃▂▁                                       │
            │ grad_norm 12.35  learning_rate 5.0e-07  12.3k tokens/s  1.5 GiB             │
            ╰─────────────────────────────────────────────────────────────────────────────╯
            interrupted after 7 steps in 0:07, written to runs/x

            """);
    }

    [Fact]
    public void A_run_that_fails_leaves_the_screen_to_its_message()
    {
        Begin("sft", steps: 7).Dispose();
        Shows("sft: 100 steps (1 epoch), 58M parameters, float32 on cpu\n");
    }

    [Fact]
    public void Signals_logs_and_a_smaller_window_leave_no_pieces_behind()
    {
        var console = new CliConsole(TextWriter.Null, _terminal, errorTerminal: _terminal.Traits());
        var observer = new ConsoleObserver(console, _time);
        observer.OnStart(Plan("sft"));
        Step(observer, 1);
        _terminal.Write("^C");
        console.Error.WriteLine("zephyr: stopping; once more to stop at once");
        using (var folder = new TempFolder())
        using (var log = Logging.Create(folder.Path, console.Error)) log.Information("step {Step} checkpoint", 1);
        Step(observer, 2);
        _terminal.Width = 60;
        Step(observer, 3);
        _terminal.Width = 30;
        Step(observer, 4);
        Assert.Equal(5, _terminal.Lines.Count);
        Assert.Equal(["sft: 100 steps (1 epoch), 58M parameters, float32 on cpu", "zephyr: stopping; once more to stop at once"], _terminal.Lines.Take(2));
        Assert.EndsWith("[INF] step 1 checkpoint", _terminal.Lines[2]);
        Assert.Equal(["step 4/100  epoch 0.04  loss", ""], _terminal.Lines.Skip(3));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Colours_are_used_where_they_are_wanted(bool wanted)
    {
        var observer = new ConsoleObserver(new CliConsole(TextWriter.Null, _terminal, errorTerminal: _terminal.Traits(wanted)), _time);
        observer.OnStart(Plan("sft"));
        Step(observer, 1);
        Assert.Equal(wanted, _terminal.SawColors);
        Assert.Contains("│ loss                0.9900    ▁", string.Join('\n', _terminal.Lines));
    }

    private void Shows(string expected) => Assert.Equal(expected.ReplaceLineEndings("\n"), string.Join('\n', _terminal.Lines));

    private ConsoleObserver Begin(string stage, int steps)
    {
        var observer = new ConsoleObserver(new CliConsole(TextWriter.Null, _terminal, errorTerminal: _terminal.Traits()), _time);
        observer.OnStart(Plan(stage));
        foreach (var step in Enumerable.Range(1, steps)) Step(observer, step, stage == "dpo");
        return observer;
    }

    private static TrainingPlan Plan(string stage) => new(stage, 100, 0, 1, 58_000_000, "cpu", "float32");

    private static EvaluationReport Evaluation => new(40, 0.4, new Dictionary<string, double> { ["eval_loss"] = 0.5, ["eval_rewards/accuracies"] = 0.75 }, 65);

    private void Step(ConsoleObserver observer, int step, bool pairs = false)
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        var means = new Dictionary<string, double> { ["loss"] = 1 - step / 100.0 };
        if (pairs) (means["rewards/margins"], means["rewards/accuracies"]) = (step / 10.0, step % 4 / 4.0);
        observer.OnStep(new(step, 100, step / 100.0, new Dictionary<string, double>(), 4096, 1, 12_345, 3L << 29, Logged: false) { Own = new(means, 12.34567, 5e-7) });
    }
}
