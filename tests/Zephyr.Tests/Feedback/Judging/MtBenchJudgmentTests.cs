using System.Text.Json;
using Zephyr.Feedback.Judging;

namespace Zephyr.Tests.Feedback.Judging;

/// <summary>The 160 judgments of MT-Bench answers that a real judge wrote, with the scores that were recorded of them.</summary>
public class MtBenchJudgmentTests
{
    [Fact]
    public void Read_as_MT_Bench_reads_them_they_give_the_recorded_scores_and_mean()
    {
        var judgments = Judgments();
        Assert.All(judgments, one => Assert.Equal(one.Score, MtBenchScore.Of(one.Text) ?? -1));
        var scores = judgments.Select(one => MtBenchScore.Of(one.Text)).OfType<double>().ToList();
        Assert.Equal((160, 40), (judgments.Count, scores.Count));
        Assert.Equal(7.4, scores.Average(), 12);
        Assert.Equal(1.1, judgments.Average(one => MtBenchScore.Of(one.Text) ?? -1), 12);
    }

    [Fact]
    public void Read_as_a_judge_of_ours_they_give_the_recorded_score_or_none()
    {
        var judgments = Judgments();
        var read = judgments.Select(one => (one.Id, one.Score, Ours: ScoreParser.Parse(one.Text, RatingScale.Overall))).ToList();
        Assert.All(read.Where(one => one.Score >= 0 && one.Ours.Value is not null), one => Assert.Equal(one.Score, one.Ours.Value!.Value));
        // Recorded were the first of several scores, and a number of a list in a program: we have a failure there.
        Assert.Equal(["103/1 found the scores 8 and 9 and 10, expected one", "124/1 found no score, expected a number from 1 to 10", "127/1 found no score, expected a number from 1 to 10",
            "127/2 found no score, expected a number from 1 to 10", "159/1 found the scores 9 and 10, expected one", "96/1 found the scores 9 and 10, expected one"],
            read.Where(one => one.Score >= 0 && one.Ours.Value is null).Select(one => $"{one.Id} {one.Ours.Problem}").Order(StringComparer.Ordinal));
        // And the judge did say a score, though not in the form that it was asked for.
        Assert.Equal(["144/2"], read.Where(one => one.Score < 0 && one.Ours.Value is not null).Select(one => one.Id));
        Assert.Equal(34, read.Count(one => one.Score >= 0 && one.Ours.Value is not null));
    }

    private static List<(string Id, string Text, double Score)> Judgments() =>
        [.. File.ReadLines(SharedFolder.PathOf("data/mtbench/gpt-4_single_granite-7b-lab.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)
            .Select(row => ($"{row.GetProperty("question_id")}/{row.GetProperty("turn")}", row.GetProperty("judgment").GetString()!, row.GetProperty("score").GetDouble()))];
}
