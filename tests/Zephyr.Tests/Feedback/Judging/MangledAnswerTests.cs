using System.Text.Json;
using System.Text.RegularExpressions;
using CsCheck;
using Zephyr.Feedback.Judging;

namespace Zephyr.Tests.Feedback.Judging;

/// <summary>
/// Whatever becomes of a judge's words on the way, as long as no number in them is touched: what is read is what the judge said, or it
/// is a failure.
/// </summary>
public partial class MangledAnswerTests
{
    private const int Iterations = 5_000;

    private static readonly Gen<string[]> Ratings = OneOf("1", "2", "3", "4", "5", "N/A").Array[1, 6];

    // Rationales that hold what a parser could take for something else.
    private static readonly Gen<string> Rationale = OneOf("fine", "It says \"yes\".", "uses {braces} and [lists]", "Better than Answer 2.", "cites 3 of 4 sources", "", "see: Rating", "a\\b");

    private static readonly Gen<(string[] Ratings, string Text)> Judgments = JudgmentsOf(static _ => true);

    // Blocks in another order whose headings are all lost are blocks without headings, which say something else than was meant.
    private static readonly Gen<(string[] Ratings, string Text)> OrderedBlocks = JudgmentsOf(static form => form is not (2 or 5));

    private static Gen<(string[] Ratings, string Text)> JudgmentsOf(Func<int, bool> isShuffled) => Gen.Select(Ratings, Rationale.Array[6], Gen.Int[0, 5], Gen.Long)
        .Select((ratings, rationales, form, seed) => (ratings, Form(form, ratings, rationales,
            isShuffled(form) ? new Zephyr.Runtime.SeededRandom(seed).Permutation(ratings.Length) : [.. Enumerable.Range(0, ratings.Length)])));

    [Fact]
    public void Every_form_in_every_order_reads_as_what_it_says() =>
        Judgments.ForEach(judgment =>
        {
            var (ratings, problem) = RatingsParser.Parse(judgment.Text, judgment.Ratings.Length, RatingScale.Aspect);
            Assert.Null(problem);
            Assert.Equal(judgment.Ratings, ratings!.Select(Shown));
        }, Iterations);

    [Fact]
    public void Mangled_answers_are_failures_or_read_as_what_they_said() =>
        Gen.Select(OrderedBlocks, Gen.Int[0, 9].Array[1, 3], Gen.Long).ForEach((judgment, kinds, seed) =>
        {
            var random = new Zephyr.Runtime.SeededRandom(seed);
            var text = kinds.Aggregate(judgment.Text, (said, kind) => Mangle(said, kind, random));
            var (ratings, problem) = RatingsParser.Parse(text, judgment.Ratings.Length, RatingScale.Aspect);
            Assert.True(ratings is null != problem is null);
            if (ratings is not null) Assert.Equal(judgment.Ratings, ratings.Select(Shown));
        }, Iterations);

    [Fact]
    public void Scores_and_verdicts_likewise() =>
        Gen.Select(Gen.Int[1, 10], OneOf("A", "B", "tie"), Gen.Int[0, 9].Array[1, 3], Gen.Long).ForEach((score, side, kinds, seed) =>
        {
            var random = new Zephyr.Runtime.SeededRandom(seed);
            foreach (var said in new[] { $"Good.\nRating: [[{score}]]", $"{{\"critique\": \"fine\", \"score\": {score}}}", $"It is fine.\n\nScore: {score}/10\n" })
                if (ScoreParser.Parse(kinds.Aggregate(said, (text, kind) => Mangle(text, kind, random)), RatingScale.Overall).Value is { } read) Assert.Equal(score, read.Value);
            var expected = side switch { "A" => Preference.A, "B" => Preference.B, _ => Preference.Tie };
            foreach (var said in new[] { $"Good.\nVerdict: {side}", $"{{\"rationale\": \"fine\", \"verdict\": \"{side}\"}}", $"It is fine.\n[[{side}]]" })
                if (VerdictParser.Parse(Cut(kinds.Aggregate(said, (text, kind) => Mangle(text, kind % 6, random)), random)).Value is { } read) Assert.Equal(expected, read.Preference);
        }, Iterations);

    [Fact]
    public void Nothing_makes_the_parsers_fail_otherwise() =>
        Gen.String[Gen.Char["{}[]\"':,0123456789ABN/.\n <>ratingscoreanswer\ud800\u00e9"], 0, 200].ForEach(text =>
        {
            foreach (var count in new[] { 1, 3 }) Assert.True(RatingsParser.Parse(text, count, RatingScale.Aspect) is { Value: null } or { Problem: null });
            Assert.True(ScoreParser.Parse(text, RatingScale.Overall) is { Value: null } or { Problem: null });
            Assert.True(VerdictParser.Parse(text) is { Value: null } or { Problem: null });
        }, Iterations);

    [Theory]
    [InlineData("[")]
    [InlineData("{\"")]
    [InlineData("[{")]
    [InlineData("*")]
    [InlineData("\n")]
    [InlineData("Answer 1 ")]
    [InlineData("Rating: ")]
    [InlineData("<<<")]
    [InlineData("{\"a\":[{")]
    public void Endless_repetition_ends(string piece)
    {
        var text = string.Concat(Enumerable.Repeat(piece, 200_000 / piece.Length));
        var begun = TimeProvider.System.GetTimestamp();
        Assert.Null(RatingsParser.Parse(text, 2, RatingScale.Aspect).Value);
        Assert.Null(ScoreParser.Parse(text, RatingScale.Overall).Value);
        Assert.Null(VerdictParser.Parse(text).Value);
        Assert.InRange(TimeProvider.System.GetElapsedTime(begun).TotalSeconds, 0, 20);
    }

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static string Form(int form, string[] ratings, string[] rationales, int[] order) => form switch
    {
        0 => JsonSerializer.Serialize(new { ratings = order.Select(i => new { answer = i + 1, rationale = rationales[i], rating = ratings[i] }) }),
        1 => $"Here you are:\n```json\n{JsonSerializer.Serialize(order.ToDictionary(i => $"answer_{i + 1}", i => new { rating = ratings[i], reason = rationales[i] }))}\n```\nBest regards",
        2 => string.Join("\n\n", order.Select(i => $"#### Output for Text {i + 1}\nRating: {ratings[i]}\nRationale: {rationales[i]}")),
        3 => string.Join("\n\n", ratings.Select((rating, i) => $"Rating: {rating}\nRationale: {rationales[i]}")),
        4 => string.Join('\n', order.Select(i => $"**Answer {i + 1}**: {ratings[i]}")),
        _ => string.Join('\n', order.Select(i => $"Answer {i + 1}\nRationale: {rationales[i]}\nRating: {ratings[i]}/5".Replace("N/A/5", "N/A", StringComparison.Ordinal))),
    };

    private static string Mangle(string text, int kind, Zephyr.Runtime.SeededRandom random)
    {
        if (text.Length == 0) return text;
        string[] lines = text.Split('\n');
        var line = random.NextInt(lines.Length);
        return kind switch
        {
            0 => Cut(text, random),
            1 => text[(text.Length - Cut(text, random).Length)..] is var end && IsInNumber(text, text.Length - end.Length) ? text : end,
            2 => string.Join('\n', lines.Where((_, i) => i != line)),
            3 => string.Join('\n', lines.SelectMany((said, i) => i == line ? [said, said] : new[] { said })),
            4 => string.Join('\n', lines.SelectMany((said, i) => i == line ? ["I have thought about this for long.", said] : new[] { said })),
            5 => $"```json\n{text}\n```",
            6 => WithoutOne(text, random),
            7 => WithOneMore(text, "{}[]\",: \n*#"[random.NextInt(11)], random),
            8 => text.ToUpperInvariant(),
            _ => text.Replace("\"", "'", StringComparison.Ordinal),
        };
    }

    private static string Cut(string text, Zephyr.Runtime.SeededRandom random)
    {
        var at = random.NextInt(text.Length + 1);
        return IsInNumber(text, at) ? text : text[..at];
    }

    private static string WithoutOne(string text, Zephyr.Runtime.SeededRandom random)
    {
        var at = random.NextInt(text.Length);
        return IsOfNumber(text, at) || Between(text, at) ? text : text.Remove(at, 1);
    }

    private static string WithOneMore(string text, char more, Zephyr.Runtime.SeededRandom random)
    {
        var at = random.NextInt(text.Length + 1);
        return IsInNumber(text, at) ? text : text.Insert(at, more.ToString());
    }

    private static bool IsOfNumber(string text, int at) => Number().IsMatch(text[at].ToString());

    private static bool IsInNumber(string text, int at) => at > 0 && at < text.Length && IsOfNumber(text, at - 1) && IsOfNumber(text, at);

    /// <summary>Without what stands between two numbers they would be another one.</summary>
    private static bool Between(string text, int at) => at > 0 && at + 1 < text.Length && IsOfNumber(text, at - 1) && IsOfNumber(text, at + 1);

    private static string Shown(Rating rating) => rating.Value is { } value ? $"{value}" : "N/A";

    [GeneratedRegex("[0-9NA/.]")]
    private static partial Regex Number();
}
