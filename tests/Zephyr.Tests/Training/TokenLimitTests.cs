using Zephyr.Data;
using Zephyr.Data.Text;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

public class TokenLimitTests
{
    [Theory]
    [InlineData(0, 3, "4 4 4 | 1 1 9 | 2")]
    [InlineData(10, 3, "4 4 | 4 1 1 | 9 | 2")]
    [InlineData(10, 2, "4 4 | 4 1 | 1 9 | 2")]
    [InlineData(9, 100, "4 4 | 4 1 1 | 9 | 2")]
    [InlineData(1000, 100, "4 4 4 1 1 9 2")]
    public void Outside_of_steps_batches_keep_the_order_of_the_rows(int maxTokens, int maxRows, string expected) => Assert.Equal(expected,
        string.Join(" | ", new TokenLimit<int>(maxTokens, row => row).BatchesInOrder([4, 4, 4, 1, 1, 9, 2], maxRows).Select(batch => string.Join(' ', batch))));

    [Fact]
    public void No_rows_make_no_batch() => Assert.Empty(new TokenLimit<int>(3, row => row).BatchesInOrder([], 2));

    [Fact]
    public void The_longest_row_is_refused_by_its_place()
    {
        var limit = new TokenLimit<int>(8, row => row);
        limit.RequireRoom([8, 1], (_, index) => $"row {index}", "cut it");
        limit.RequireRoom([], (_, index) => $"row {index}", "cut it");
        (limit with { MaxTokens = 0 }).RequireRoom([9], (_, index) => $"row {index}", "cut it");
        Assert.Equal("row 2: found 12 tokens that have to be in memory together, the most of all rows, expected at most max_tokens_per_batch 8; "
            + "give max_tokens_per_batch at least 12, or cut it",
            Assert.Throws<UserErrorException>(() => limit.RequireRoom([9, 1, 12, 12], (_, index) => $"row {index}", "cut it")).Message);
    }

    /// <summary>Whatever a run does with its rows, it does with at most so many of their tokens at once.</summary>
    [Theory]
    [InlineData(PairLayoutKind.Separate, 36)]
    [InlineData(PairLayoutKind.SharedPrefix, 27)]
    public void No_pass_of_a_run_is_over_the_limit(PairLayoutKind layout, int maxTokens)
    {
        using var folder = new TempFolder();
        using var model = TinyTraining.Model();
        using var reference = TinyTraining.Model(trainable: false, seed: 2);
        var passes = new Watched(TinyTraining.Dpo(model, reference, layout));
        var options = TinyTraining.Options(batch: 4, evaluation: "steps", saving: 100);
        options = options with { Training = options.Training with { MaxTokensPerBatch = maxTokens, PerDeviceEvalBatchSize = 3 } };
        var (rows, held) = (TinyTraining.Pairs(21), TinyTraining.Pairs(9, seed: 8));
        using (var trainer = new Trainer<TokenizedPair>(model, passes, new(rows, held), options, TinyTraining.Output(folder.Path), SilentObserver.Instance))
        {
            Assert.False(trainer.Run(TestContext.Current.CancellationToken));
            var summary = trainer.MicroBatches;
            Assert.Equal((passes.Trained.Count, passes.Trained.Max(batch => batch.Sum(passes.TokensAtOnce))), (summary.Mean * trainer.TotalSteps, (int)summary.MostTokens));
        }
        Assert.All(passes.Trained.Concat(passes.Evaluated), batch => Assert.InRange(batch.Sum(passes.TokensAtOnce), 1, maxTokens));
        Assert.All(passes.Evaluated, batch => Assert.InRange(batch.Count, 1, 3));
        Assert.Contains(passes.Evaluated, batch => batch.Count == 1);
        Assert.All(rows, row => Assert.Equal(1, passes.Trained.Sum(batch => batch.Count(one => one == row))));
        Assert.Equal(0, passes.Evaluated.Sum(batch => batch.Count) % 9);
    }

    /// <summary>A pair counts for the rows of its layout's batches; num_tokens counts the same for all of them.</summary>
    [Theory]
    [InlineData(PairLayoutKind.Separate, 2 * 5 + 3 + 4)]
    [InlineData(PairLayoutKind.Concatenated, 2 * 5 + 3 + 4)]
    [InlineData(PairLayoutKind.SharedPrefix, 5 + 3 + 4)]
    public void A_pair_counts_for_what_its_layout_lays_down(PairLayoutKind layout, int expected)
    {
        var pair = new TokenizedPair(new RowLocation("pairs", 1, false), [1, 2, 3, 4, 5], [6, 7, 8], [9, 10, 11, 12]);
        var settings = new DpoSettings(DpoLossSettings.Sigmoid(0.1), layout);
        using var model = TinyTraining.Model(trainable: false);
        var objective = TinyTraining.Dpo(model, model, settings);
        Assert.Equal((expected, 17), (objective.TokensAtOnce(pair), objective.TokensOf(pair)));
        Assert.Equal(expected, PairLayout.Of([pair], settings).Sum(batch => batch.Batch.TokenIds.Length));
    }

    /// <summary>An objective that keeps what it was given.</summary>
    private sealed class Watched(DpoObjective objective) : IObjective<TokenizedPair>
    {
        public List<IReadOnlyList<TokenizedPair>> Trained { get; } = [];

        public List<IReadOnlyList<TokenizedPair>> Evaluated { get; } = [];

        public IReadOnlyList<string> MetricNames => objective.MetricNames;

        public IReadOnlyList<double> WeightsOf(TokenizedPair example) => objective.WeightsOf(example);

        public int TokensOf(TokenizedPair example) => objective.TokensOf(example);

        public int TokensAtOnce(TokenizedPair example) => objective.TokensAtOnce(example);

        public Tensor Evaluate(IReadOnlyList<TokenizedPair> examples, IReadOnlyList<double> totals)
        {
            Evaluated.Add(examples);
            return objective.Evaluate(examples, totals);
        }

        public Tensor AccumulateGradients(IReadOnlyList<TokenizedPair> examples, IReadOnlyList<double> totals)
        {
            Trained.Add(examples);
            return objective.AccumulateGradients(examples, totals);
        }
    }
}
