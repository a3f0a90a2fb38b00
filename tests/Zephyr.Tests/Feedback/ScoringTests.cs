using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Feedback;

namespace Zephyr.Tests.Feedback;

public class ScoringTests
{
    [Theory]
    [InlineData(7L, 7.0)]
    [InlineData(7.5, 7.5)]
    [InlineData("8", 8.0)]
    [InlineData(" 8.25 ", 8.25)]
    [InlineData("N/A", null)]
    [InlineData("n/a", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    [InlineData(double.NaN, null)]
    public void A_score_is_a_number_a_number_in_text_or_missing(object? value, double? expected) =>
        Assert.Equal(expected, ScoreOf(new(), new() { ["overall_score"] = value }));

    [Theory]
    [InlineData("good", "the text \"good\"")]
    [InlineData(true, "true")]
    [InlineData("1e999", "the text \"1e999\"")]
    public void Anything_else_is_a_bad_row(object value, string found) =>
        Assert.Equal(
            $"rows.jsonl, line 3, field 'completions[1].overall_score': found {found}, expected a number or \"N/A\"",
            Assert.Throws<BadRowException>(() => ScoreOf(new(), new() { ["overall_score"] = value })).Message);

    [Fact]
    public void A_field_that_is_not_there_is_named_with_the_ones_that_are() =>
        Assert.Equal(
            "rows.jsonl, line 3, field 'completions[1].overall_score': found no such field (model, score), "
            + "expected a number or \"N/A\"; the key 'score' names the field",
            Assert.Throws<BadRowException>(() => ScoreOf(new(), new() { ["model"] = "m", ["score"] = 1L })).Message);

    [Fact]
    public void Any_field_may_be_the_score() =>
        Assert.Equal(1.5, ScoreOf(new() { Score = "reward" }, new() { ["reward"] = 1.5 }));

    [Theory]
    [InlineData("drop_rating", "4", "5", "3", 4.0)]
    [InlineData("drop_rating", "4", "N/A", "3", 3.5)]
    [InlineData("drop_completion", "4", "N/A", "3", null)]
    [InlineData("drop_completion", "4", "4", "4", 4.0)]
    [InlineData("drop_rating", "N/A", "N/A", "N/A", null)]
    public void The_mean_rating_leaves_out_what_is_missing_or_the_answer(string policy, string a, string b, string c, double? expected) =>
        Assert.Equal(expected, ScoreOf(new() { Score = "mean_rating", OnMissingRating = policy }, Rated(a, b, c)));

    [Theory]
    [InlineData("drop_rating", 2)]
    [InlineData("drop_completion", 0)]
    public void Ratings_that_a_mean_was_taken_without_are_counted(string policy, int dropped) =>
        Assert.Equal(dropped, Read(new() { Score = "mean_rating", OnMissingRating = policy }, Rated("N/A", "4", "N/A", "3")).DroppedRatings);

    [Fact]
    public void A_bad_rating_is_named_with_its_aspect() =>
        Assert.Equal(
            "rows.jsonl, line 3, field 'completions[1].annotations.aspect1.Rating': found the text \"high\", expected a number or \"N/A\"",
            Assert.Throws<BadRowException>(() => ScoreOf(new() { Score = "mean_rating" }, Rated("1", "high"))).Message);

    [Fact]
    public void Absent_annotations_are_a_bad_row() =>
        Assert.Equal("rows.jsonl, line 3, field 'completions[1].annotations': found null, expected aspects with a Rating each",
            Assert.Throws<BadRowException>(() => ScoreOf(new() { Score = "mean_rating" }, [])).Message);

    private static double? ScoreOf(AifOptions options, Dictionary<string, object?> fields) =>
        Read(options, fields).Value;

    private static AnswerScore Read(AifOptions options, Dictionary<string, object?> fields) =>
        new Scoring(options).Of(new("rows.jsonl", 3, IsLine: true), "completions[1]", new("m", "text", fields));

    private static Dictionary<string, object?> Rated(params string[] ratings) => new()
    {
        ["annotations"] = ratings.Select((rating, i) => (Name: $"aspect{i}", rating))
            .ToDictionary(aspect => aspect.Name, aspect => (object?)new Dictionary<string, object?> { ["Rating"] = aspect.rating }),
    };
}
