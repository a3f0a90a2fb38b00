using Zephyr.Configuration;
using Zephyr.Training.Watchdogs;

namespace Zephyr.Tests.Training.Watchdogs;

/// <summary>Which evaluation is the best, and when enough of them were no improvement: by hand, as transformers' EarlyStoppingCallback has it.</summary>
public class BestModelTests
{
    [Theory]
    // A loss: lower is better.
    [InlineData("loss", 2, 0, new[] { 3.0, 2, 2.5, 2, 1 }, new[] { 0, 0, 1, 2, 0 }, 5)]
    [InlineData("eval_loss", 3, 0, new[] { 3.0, 3, 3, 3 }, new[] { 0, 1, 2, 3 }, 1)]
    // Better by less than the threshold is the best, and yet no improvement.
    [InlineData("loss", 3, 0.5, new[] { 3.0, 2.8, 2.6, 2.4, 1.8 }, new[] { 0, 1, 2, 3, 0 }, 5)]
    [InlineData("loss", 3, 0.5, new[] { 3.0, 2.4, 2.0, 1.5, 0.9 }, new[] { 0, 0, 1, 2, 0 }, 5)]
    // A reward: higher is better.
    [InlineData("rewards/margins", 2, 0, new[] { 0.1, 0.3, 0.2, 0.4 }, new[] { 0, 0, 1, 0 }, 4)]
    // NaN is never an improvement, unless there is nothing to compare with.
    [InlineData("loss", 9, 0, new[] { double.NaN, 3, double.NaN, 2 }, new[] { 0, 0, 1, 0 }, 4)]
    public void Evaluations_are_counted_that_are_no_improvement(string metric, int patience, double threshold, double[] values, int[] waited, int best)
    {
        var options = new BestModelOptions { MetricForBestModel = metric, EarlyStoppingPatience = patience, EarlyStoppingThreshold = threshold };
        var watch = new BestModelWatch(options);
        for (var i = 0; i < values.Length; i++)
        {
            See(watch, i + 1, values[i]);
            Assert.Equal((waited[i], waited[i] >= patience), (watch.State!.Waited, watch.StopsEarly));
            // Whatever is kept and given back goes on as if nothing had been.
            var again = new BestModelWatch(options);
            again.Restore(watch.State, _ => true);
            watch = again;
        }
        Assert.Equal((best, best), (watch.State!.Step, watch.CheckpointStep));
    }

    [Fact]
    public void The_evaluation_before_the_first_step_does_not_count()
    {
        var options = new BestModelOptions { LoadBestModelAtEnd = true };
        var watch = new BestModelWatch(options);
        See(watch, 0, -5);
        Assert.Equal(new BestModelState("eval_loss"), watch.State);
    }

    [Fact]
    public void Only_what_was_saved_can_be_written()
    {
        var options = new BestModelOptions { LoadBestModelAtEnd = true, GreaterIsBetter = true };
        var watch = new BestModelWatch(options);
        See(watch, 2, 1);
        See(watch, 3, 5, saved: false);
        See(watch, 4, 2);
        See(watch, 6, 1.5);
        Assert.Equal((3, 4), (watch.State!.Step, watch.CheckpointStep));
        Assert.Equal((4, "the model written is that of step 4, of eval_loss 2"), (watch.Choice(6), watch.WhichModel(6)));
        // The last step's model is in memory, saved or not.
        See(watch, 7, 3, saved: false);
        Assert.Equal((0, "the model written is that of step 7, of eval_loss 3, the last"), (watch.Choice(7), watch.WhichModel(7)));
        See(watch, 8, 2, saved: false);
        Assert.Equal(4, watch.Choice(8));
    }

    [Fact]
    public void A_best_that_was_left_behind_or_is_of_another_metric_is_forgotten()
    {
        var options = new BestModelOptions { MetricForBestModel = "loss" };
        var watch = new BestModelWatch(options);
        See(watch, 2, 1);
        var branched = new BestModelWatch(options);
        branched.Restore(watch.State, _ => false);
        Assert.Equal((1.0, 2, 0), (branched.State!.Value, branched.State.Step, branched.CheckpointStep));
        var other = new BestModelWatch(new() { MetricForBestModel = "rewards/margins" });
        other.Restore(watch.State, _ => true);
        Assert.Equal(new BestModelState("eval_rewards/margins"), other.State);
        var none = new BestModelWatch(new());
        none.Restore(watch.State, _ => true);
        Assert.Null(none.State);
    }

    [Theory]
    [InlineData("load_best_model_at_end: true", "load_best_model_at_end: needs evaluations and checkpoints to choose from: give eval_strategy and save_strategy, both steps or both epoch (they were no and steps)")]
    [InlineData("load_best_model_at_end: true\neval_strategy: epoch", "load_best_model_at_end: needs eval_strategy and save_strategy to be the same (they were epoch and steps)")]
    [InlineData("load_best_model_at_end: true\neval_strategy: steps\neval_steps: 200", "load_best_model_at_end: needs save_steps to be a multiple of eval_steps (they were 500 and 200)")]
    [InlineData("early_stopping_patience: 2\neval_strategy: epoch", "early_stopping_patience: needs a metric to watch: give metric_for_best_model, or load_best_model_at_end: true, which watches the loss")]
    [InlineData("early_stopping_patience: 2\nmetric_for_best_model: loss", "early_stopping_patience: counts evaluations: give eval_strategy steps or epoch (was no)")]
    [InlineData("metric_for_best_model: eval_bleu", "metric_for_best_model: must be loss (was eval_bleu)")]
    [InlineData("greater_is_better: true", "greater_is_better: has no meaning without metric_for_best_model: set it to null (was true)")]
    [InlineData("early_stopping_threshold: 0.1", "early_stopping_threshold: has no meaning without early_stopping_patience: set it to 0 (was 0.1)")]
    [InlineData("on_nonfinite: ignore", "on_nonfinite: must be stop or skip (was ignore)")]
    public void What_transformers_refuses_is_refused(string lines, string problem)
    {
        var error = Assert.Throws<ConfigException>(() => ConfigReader.ReadText<SftConfig>(
            "model_name_or_path: m\noutput_dir: o\ndataset: d\neval_fraction: 0.1\n" + lines, "sft.yaml", []));
        Assert.EndsWith(problem, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("metric_for_best_model: nll_loss", false)]
    [InlineData("metric_for_best_model: nll_loss\nrpo_alpha: 1", true)]
    [InlineData("metric_for_best_model: nll_loss\nloss_type: [sigmoid, sft]", true)]
    [InlineData("metric_for_best_model: nll_loss\nloss_type: [sigmoid, sft]\nloss_weights: [1, 0]", false)]
    [InlineData("metric_for_best_model: eval_rewards/accuracies", true)]
    public void A_metric_is_one_that_the_objective_measures(string lines, bool isOne)
    {
        var text = "model_name_or_path: m\noutput_dir: o\ndataset: d\neval_fraction: 0.1\neval_strategy: epoch\n" + lines;
        if (!isOne) Assert.Throws<ConfigException>(() => ConfigReader.ReadText<DpoConfig>(text, "dpo.yaml", []));
        else Assert.True(ConfigReader.ReadText<DpoConfig>(text, "dpo.yaml", []).Value.Best.Compares);
        using var model = TinyTraining.Model();
        Assert.Equal(StageChecks.Metrics(new() { RpoAlpha = 1 }), TinyTraining.Dpo(model, model, Zephyr.Objectives.DpoSettings.Of(new() { RpoAlpha = 1 })).MetricNames);
    }

    private static void See(BestModelWatch watch, int step, double value, bool saved = true) =>
        watch.See(step, new Dictionary<string, double> { [watch.State!.Metric] = value }, saved);
}
