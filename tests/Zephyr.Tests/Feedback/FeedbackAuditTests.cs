using Zephyr.Configuration;
using Zephyr.Feedback;
using static Zephyr.Tests.Feedback.Rows;

namespace Zephyr.Tests.Feedback;

public class FeedbackAuditTests
{
    private const string Expected =
        """
        {
          "rows": 4,
          "repeated_prompts": 1,
          "pairs": 2,
          "train_pairs": 1,
          "test_pairs": 1,
          "dropped_prompts": {
            "empty_prompt": 0,
            "fewer_than_two_answers": 1,
            "best_score_tied": 1,
            "no_lower_score": 0,
            "margin_too_small": 0,
            "in_evaluation_set": 0,
            "near_duplicate": 0
          },
          "completions": 9,
          "dropped_completions": {
            "empty_answer": 1,
            "no_score": 1,
            "same_as_another": 0
          },
          "dropped_ratings": 3,
          "tied_best": 1,
          "tied_pairs": 0,
          "score": {
            "mean": 4,
            "min": 1,
            "max": 10,
            "bins": [
              {
                "from": 1,
                "to": 1,
                "count": 3
              },
              {
                "from": 5,
                "to": 5,
                "count": 3
              },
              {
                "from": 10,
                "to": 10,
                "count": 1
              }
            ]
          },
          "margin": {
            "mean": 6.5,
            "min": 4,
            "max": 9,
            "bins": [
              {
                "from": 4,
                "to": 4,
                "count": 1
              },
              {
                "from": 9,
                "to": 9,
                "count": 1
              }
            ]
          },
          "length": {
            "longer": 1,
            "equal": 0,
            "shorter": 1,
            "longer_share": 0.5,
            "correlation": {
              "pearson": 0.2472066162365221,
              "spearman": 0.08164965809277261,
              "within_prompts": 0.3589790793088691
            }
          },
          "models": [
            {
              "model": "m0",
              "answers": 4,
              "chosen": 1,
              "rejected": 1
            },
            {
              "model": "m1",
              "answers": 3,
              "chosen": 1,
              "rejected": 1
            }
          ],
          "agreement": [],
          "position": [],
          "duplicates": {
            "threshold": 0.7,
            "same_words": 1,
            "near_duplicates": 0,
            "groups": 0,
            "first": []
          },
          "contamination": null
        }

        """;

    [Fact]
    public void Everything_that_goes_in_is_accounted_for()
    {
        var builder = new PairBuilder(new AifOptions(), 42);
        using var tally = new FeedbackTally(new());
        tally.Add(builder.Build(Answers("Q1", ("long answer", 10L), ("short", 1L))), isTest: false);
        tally.Add(builder.Build(Answers("Q2", ("long answer", 1L), ("short", 5L), ("", 3L))), isTest: true);
        tally.Add(builder.Build(Answers("Q3", ("A", 5L), ("B", 5L))), isTest: false);
        var outcome = builder.Build(Answers("Q1", ("A", 1L), ("B", "N/A")));
        tally.Add(outcome with { Candidates = [.. outcome.Candidates.Select(candidate => candidate with { DroppedRatings = 3 })] }, isTest: false);
        Assert.Equal(Expected, tally.ToAudit().ToJson());
    }

    [Fact]
    public void Many_different_values_fall_into_ten_ranges()
    {
        var histogram = Histogram.Of([.. Enumerable.Range(0, 101).Select(i => i / 10.0)]);
        Assert.Equal([10, 10, 10, 10, 10, 10, 10, 10, 10, 11], histogram.Bins.Select(bin => bin.Count));
        Assert.Equal((0.0, 10.0), (histogram.Bins[0].From, histogram.Bins[^1].To));
    }
}
