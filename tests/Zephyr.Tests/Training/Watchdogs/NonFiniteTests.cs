using Zephyr.Configuration;
using Zephyr.Tests.Data.Sources;
using Zephyr.Training;

namespace Zephyr.Tests.Training.Watchdogs;

/// <summary>A step that is not finite: its rows are named, its weights untouched, and the run stops or skips it.</summary>
public sealed class NonFiniteTests : IDisposable
{
    private const int Rows = 11, Steps = 9;
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true, float.NaN)]
    [InlineData(true, float.PositiveInfinity)]
    [InlineData(false, float.NaN)]
    [InlineData(false, float.NegativeInfinity)]
    public void The_row_is_named_and_the_weights_are_those_before_it(bool inLoss, float poison)
    {
        using var run = new PoisonedRun(_folder.PathOf("out"), row => row == 3, inLoss, poison: poison);
        var before = run.Trainer.Step;
        var weights = run.Weights();
        var error = Assert.Throws<NonFiniteStepException>(() =>
        {
            for (before = 0; before < Steps; before++, weights = run.Weights()) run.Trainer.TakeStep();
        });
        Assert.Matches($"^step {before + 1}: the loss is ([0-9.]+|NaN|-?Infinity) and the gradient norm ([0-9.]+|NaN|-?Infinity); a row that gives that alone: pairs, row 3; "
            + "the step was not taken, and no checkpoint had been written yet$", error.Message);
        Assert.Equal(before, run.Trainer.Step);
        Assert.Equal(weights, run.Weights());
        Assert.All(run.Model.Parameters.Weights, weight => Assert.Null(weight.Gradient));
    }

    [Fact]
    public void Weights_that_are_at_fault_are_not_blamed_on_a_row()
    {
        using var run = new PoisonedRun(_folder.PathOf("out"), _ => true, inLoss: true);
        Assert.Equal("step 1: the loss is NaN and the gradient norm N; each of its rows gives that alone, so it is rather the weights than a row: "
            + "pairs, row R; pairs, row R; pairs, row R; pairs, row R; the step was not taken, and no checkpoint had been written yet",
            WithoutNumbers(Assert.Throws<NonFiniteStepException>(() => { run.Trainer.TakeStep(); }).Message));
    }

    [Fact]
    public void A_step_may_be_too_much_although_no_row_is()
    {
        // Each micro-batch after the first, as a sum that overflows would: alone, no row is a second one.
        using var run = new PoisonedRun(_folder.PathOf("out"), _ => true, inLoss: true, onlyTogether: true);
        Assert.Equal("step 1: the loss is NaN and the gradient norm N; none of its rows gives that alone: pairs, row R; pairs, row R; pairs, row R; pairs, row R; "
            + "the step was not taken, and no checkpoint had been written yet",
            WithoutNumbers(Assert.Throws<NonFiniteStepException>(() => { run.Trainer.TakeStep(); }).Message));
    }

    /// <summary>Only the micro-batch that gave itself away is run again, row by row.</summary>
    [Fact]
    public void No_more_is_run_again_than_it_takes()
    {
        using var run = new PoisonedRun(_folder.PathOf("out"), row => row == 3, inLoss: true);
        Failure(run);
        Assert.Equal(2 * (run.Trainer.Step + 1) + 2, run.Objective.Passes);
    }

    [Fact]
    public void A_skipped_step_leaves_weights_and_moments_and_goes_on()
    {
        using var run = new PoisonedRun(_folder.PathOf("out"), row => row == 3, inLoss: false, options => options with { OnNonfinite = "skip" });
        var skipped = 0;
        for (var step = 1; step <= Steps; step++)
        {
            var before = run.State();
            run.Trainer.TakeStep();
            if (run.Notes.Notes.Count == skipped) Assert.NotEqual(before, run.State());
            else Assert.Equal((++skipped, before), (run.Notes.Notes.Count, run.State()));
            Assert.Equal(skipped, run.Notes.Steps[^1].Metrics["skipped_steps"]);
        }
        // Once an epoch.
        Assert.Equal(3, skipped);
        Assert.Matches(@"^step \d: the loss is [0-9.]+ and the gradient norm NaN; a row that gives that alone: pairs, row 3; "
            + @"the step was skipped and the weights are those before it \(1 skipped so far\)$", run.Notes.Notes[0]);
        Assert.All(run.Notes.Steps.Where(step => double.IsNaN(step.Metrics["grad_norm"])), step => Assert.True(double.IsNaN(step.Metrics["loss"])));
        Assert.Equal(3, run.Notes.Steps.Count(step => double.IsNaN(step.Metrics["grad_norm"])));
    }

    [Fact]
    public void Too_many_in_a_row_stop_the_run_after_all()
    {
        using var run = new PoisonedRun(_folder.PathOf("out"), _ => true, inLoss: true, options => options with { OnNonfinite = "skip", MaxConsecutiveSkips = 3 });
        var error = Failure(run);
        Assert.Equal(3, run.Trainer.Step);
        Assert.EndsWith("; the 3 steps before it were skipped for the same, as many in a row as max_consecutive_skips allows; the step was not taken, and no checkpoint had been written yet",
            error.Message, StringComparison.Ordinal);
    }

    /// <summary>The count in a row, the optimizer's own count of updates and all numbers are part of the checkpoint.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_run_that_skips_goes_on_to_the_same_bytes(bool bf16)
    {
        bool Poisoned(int row) => row is 3 or 8;
        static WatchdogOptions Skip(WatchdogOptions options) => options with { OnNonfinite = "skip" };
        using (var straight = new PoisonedRun(_folder.PathOf("straight"), Poisoned, inLoss: false, Skip, bf16)) straight.Run();
        for (var stop = 1; stop < Steps; stop++)
        {
            var root = _folder.PathOf($"stop-{stop}");
            using (var first = new PoisonedRun(root, Poisoned, inLoss: false, Skip, bf16)) Assert.True(first.Run(stop));
            using (var second = new PoisonedRun(root, Poisoned, inLoss: false, Skip, bf16, resume: stop)) Assert.False(second.Run());
            foreach (var file in (string[])["model.safetensors", "metrics.jsonl", $"checkpoint-{Steps}/optimizer.safetensors", $"checkpoint-{Steps}/trainer_state.json"])
                Assert.True(File.ReadAllBytes(_folder.PathOf($"straight/{file}")).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(root, file))), $"{file} differs after a stop at {stop}");
        }
        Assert.Contains("\"skipped_steps\": ", File.ReadAllText(_folder.PathOf($"straight/checkpoint-{Steps}/trainer_state.json")));
        Assert.Contains("\"loss\":null", File.ReadAllText(_folder.PathOf("straight/metrics.jsonl")));
    }

    /// <summary>A run that stopped goes on from its checkpoint under the other policy.</summary>
    [Fact]
    public void A_stopped_run_may_go_on_by_skipping()
    {
        var root = _folder.PathOf("out");
        int stopped;
        using (var run = new PoisonedRun(root, row => row == 3, inLoss: true, saving: 1))
        {
            Assert.Throws<NonFiniteStepException>(() => run.Run());
            stopped = run.Trainer.Step;
        }
        if (stopped == 0) return;
        using var again = new PoisonedRun(root, row => row == 3, inLoss: true, options => options with { OnNonfinite = "skip" }, resume: stopped);
        Assert.False(again.Run());
        Assert.NotEmpty(again.Notes.Notes);
    }

    private static NonFiniteStepException Failure(PoisonedRun run) => Assert.Throws<NonFiniteStepException>(() =>
    {
        for (var step = 0; step < Steps; step++) run.Trainer.TakeStep();
    });

    private static string WithoutNumbers(string message) => System.Text.RegularExpressions.Regex.Replace(message, @"(?<=row )\d+|(?<=norm )[\d.]+", number => number.Value.Contains('.') ? "N" : "R");
}
