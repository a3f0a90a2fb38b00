using System.Globalization;
using System.Text.Json;
using Zephyr.Feedback;
using Zephyr.Pipeline;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback.Audit;

/// <summary>The audit of real rows against another count of them: of the JSON as it is, with none of the program's own code for rows, scores and pairs.</summary>
public sealed class IndependentCountTests : IDisposable
{
    private const string AlpacaEval = "data/feedback/alpaca_eval_gpt4turbo_300x8.jsonl", UltraFeedback = "data/feedback/ultrafeedback_raw_shape_200x4.jsonl";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(AlpacaEval, "score")]
    [InlineData(UltraFeedback, "overall_score")]
    [InlineData(UltraFeedback, "fine-grained_score")]
    [InlineData(UltraFeedback, "mean_rating")]
    public void Pairs_and_what_is_dropped(string file, string score)
    {
        var audit = Run(file, score);
        var prompts = Prompts(file, score);
        var usable = prompts.ConvertAll(answers => answers.Where(answer => answer.Score is not null).DistinctBy(answer => answer.Text.Trim()).ToList());
        var tied = usable.ConvertAll(answers => answers.Count > 1 && answers.Count(answer => answer.Score == answers.Max(other => other.Score)) > 1);
        Assert.Equal((prompts.Count, prompts.Sum(answers => answers.Count)), (audit.Rows, audit.Completions));
        Assert.Equal(usable.Count(answers => answers.Count < 2), audit.DroppedPrompts[PromptDrop.FewerThanTwoAnswers]);
        Assert.Equal(tied.Count(tie => tie), audit.DroppedPrompts[PromptDrop.BestScoreTied]);
        Assert.Equal(usable.Zip(tied).Count(row => row.First.Count >= 2 && !row.Second), audit.Pairs);
        Assert.Equal(prompts.Sum(answers => answers.Count(answer => answer.Score is null)), audit.DroppedCompletions[AnswerDrop.NoScore]);
        Assert.Equal(prompts.Sum(answers => answers.Count(answer => answer.Score is not null)) - usable.Sum(answers => answers.Count), audit.DroppedCompletions[AnswerDrop.SameAsAnother]);
        Assert.Equal(usable.SelectMany(answers => answers).Average(answer => answer.Score!.Value), audit.Score.Mean, 9);
        // Who is chosen does not depend on what is drawn where the best score is not shared.
        var chosen = usable.Zip(tied).Where(row => row.First.Count >= 2 && !row.Second).Select(row => row.First.MaxBy(answer => answer.Score)!).ToList();
        Assert.Equal(chosen.CountBy(answer => answer.Model).OrderBy(count => count.Key, StringComparer.Ordinal).Select(count => (count.Key, count.Value)),
            audit.Models.Where(model => model.Chosen > 0).Select(model => (model.Model, model.Chosen)));
    }

    [Theory]
    [InlineData(AlpacaEval, "score")]
    [InlineData(UltraFeedback, "overall_score")]
    public void The_pairs_themselves(string file, string score)
    {
        var audit = Run(file, score);
        var answers = Prompts(file, score).SelectMany(prompt => prompt).ToLookup(answer => (answer.Prompt, answer.Text));
        var pairs = new[] { "train", "test" }.SelectMany(split => File.ReadLines(_folder.PathOf($"out/{split}_prefs.jsonl"))).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(audit.Pairs, pairs.Count);
        var margins = new List<double>();
        foreach (var pair in pairs)
        {
            var (chosen, rejected) = (Find("chosen"), Find("rejected"));
            Assert.True(chosen.Score > rejected.Score);
            Assert.Equal(answers.Where(group => group.Key.Prompt == chosen.Prompt).SelectMany(group => group).Max(answer => answer.Score), chosen.Score);
            margins.Add(chosen.Score!.Value - rejected.Score!.Value);

            Answer Find(string side) => answers[(pair.GetProperty("prompt").GetString()!, pair.GetProperty(side)[1].GetProperty("content").GetString()!)]
                .First(answer => answer.Model == pair.GetProperty($"model_{side}").GetString() && answer.Score == pair.GetProperty($"score_{side}").GetDouble());
        }
        Assert.Equal(margins.Average(), audit.Margin.Mean, 9);
        var longer = pairs.Count(pair => Length(pair, "chosen") > Length(pair, "rejected"));
        Assert.Equal((longer, (double)longer / pairs.Count), (audit.Length.Longer, audit.Length.LongerShare));

        static int Length(JsonElement pair, string side) => pair.GetProperty(side)[1].GetProperty("content").GetString()!.Length;
    }

    [Theory]
    [InlineData(AlpacaEval, "score")]
    [InlineData(UltraFeedback, "mean_rating")]
    public void Length_and_score(string file, string score)
    {
        var correlation = Run(file, score).Length.Correlation;
        var prompts = Prompts(file, score).ConvertAll(answers => answers.Where(answer => answer.Score is not null).DistinctBy(answer => answer.Text.Trim()).Select(answer => (answer.Score!.Value, (double)answer.Text.Length)).ToList());
        var all = prompts.SelectMany(answers => answers).ToList();
        Assert.Equal(Pearson(all), correlation.Pearson!.Value, 9);
        Assert.Equal(Pearson([.. Ranks(all.ConvertAll(point => point.Item1)).Zip(Ranks(all.ConvertAll(point => point.Item2)))]), correlation.Spearman!.Value, 9);
        Assert.Equal(Pearson([.. prompts.SelectMany(answers => answers.Select(point => (point.Item1 - answers.Average(other => other.Item1), point.Item2 - answers.Average(other => other.Item2))))]),
            correlation.WithinPrompts!.Value, 9);
    }

    [Fact]
    public void Agreement_of_the_aspects()
    {
        var records = Run(UltraFeedback, "overall_score").Agreement;
        var rows = File.ReadLines(SharedFolder.PathOf(UltraFeedback)).SelectMany(line => JsonDocument.Parse(line).RootElement.GetProperty("completions").EnumerateArray()).ToList();
        string[] names = ["helpfulness", "honesty", "instruction_following", "overall_score", "truthfulness"];
        Assert.Equal(from first in names from second in names where string.CompareOrdinal(first, second) < 0 select (first, second), records.Select(record => (record.First, record.Second)));
        foreach (var record in records)
        {
            var points = rows.Select(row => (Number(row, record.First), Number(row, record.Second))).Where(point => point is { Item1: not null, Item2: not null })
                .Select(point => (point.Item1!.Value, point.Item2!.Value)).ToList();
            Assert.Equal(points.Count, record.Answers);
            Assert.Equal(Pearson(points), record.Pearson!.Value, 9);
            Assert.Equal(Pearson([.. Ranks(points.ConvertAll(point => point.Item1)).Zip(Ranks(points.ConvertAll(point => point.Item2)))]), record.Spearman!.Value, 9);
        }

        static double? Number(JsonElement row, string name) => name == "overall_score" ? row.GetProperty(name).GetDouble() : Rating(row.GetProperty("annotations").GetProperty(name));
    }

    private FeedbackAudit Run(string file, string score) => AiFeedback.Run(new(new()
    {
        Source = new() { Feedback = [SharedFolder.PathOf(file)] }, Aif = new() { Score = score, TestFraction = 0.1, Formats = ["jsonl"] },
        Run = new() { OutputDir = _folder.PathOf("out") },
    }, []), TestContext.Current.CancellationToken).Audit;

    private sealed record Answer(string Prompt, string Model, string Text, double? Score);

    private static List<List<Answer>> Prompts(string file, string score) => [.. File.ReadLines(SharedFolder.PathOf(file)).Select(line => JsonDocument.Parse(line).RootElement)
        .Select(row => row.GetProperty("completions").EnumerateArray().Select(answer => new Answer(row.GetProperty("instruction").GetString()!, answer.GetProperty("model").GetString()!,
            answer.GetProperty("response").GetString()!, score == "mean_rating" ? answer.GetProperty("annotations").EnumerateObject().Average(aspect => Rating(aspect.Value)) : answer.GetProperty(score).GetDouble())).ToList())];

    private static double? Rating(JsonElement aspect) => double.TryParse(aspect.GetProperty("Rating").GetString(), CultureInfo.InvariantCulture, out var rating) ? rating : null;

    /// <summary>By the textbook's other formula: the mean of the products of standard scores.</summary>
    private static double Pearson(List<(double X, double Y)> points)
    {
        var (meanX, meanY) = (points.Average(point => point.X), points.Average(point => point.Y));
        var (sdX, sdY) = (Math.Sqrt(points.Average(point => Math.Pow(point.X - meanX, 2))), Math.Sqrt(points.Average(point => Math.Pow(point.Y - meanY, 2))));
        return points.Average(point => (point.X - meanX) / sdX * ((point.Y - meanY) / sdY));
    }

    /// <summary>A value's rank is one more than how many are smaller, and half of the others that are equal.</summary>
    private static List<double> Ranks(List<double> values) => values.ConvertAll(value => 1 + values.Count(other => other < value) + (values.Count(other => other == value) - 1) / 2.0);
}
