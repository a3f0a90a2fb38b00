using Zephyr.Model.Generation;

namespace Zephyr.Tests.Model.Generation;

public class TokenChooserTests
{
    private static readonly float[] Scores = [1f, 2f, 0.5f, -1f];

    /// <summary>OpenAI's formula by hand: 2 - 0.6 x count - 0.1 falls under 1 after two times.</summary>
    [Fact]
    public void Presence_and_frequency_are_taken_off_as_openai_defines_them()
    {
        var chooser = new TokenChooser(new(Temperature: 0) { PresencePenalty = 0.1, FrequencyPenalty = 0.6 }, promptIds: [1, 1, 1]);
        // Scores of 0 and 1 in turn: (1, 2), (1, 1.3), (1, 0.7), (0.3, 0.7), (0.3, 0.1) and token 2 stays at 0.5.
        Assert.Equal([1, 1, 0, 1, 2], Enumerable.Range(0, 5).Select(_ => chooser.Choose([.. Scores]).Id));
    }

    [Fact]
    public void Repetition_counts_the_prompt_and_divides_or_multiplies()
    {
        var chooser = new TokenChooser(new(Temperature: 0) { RepetitionPenalty = 3 }, promptIds: [1]);
        Assert.Equal([0, 1, 1], Enumerable.Range(0, 3).Select(_ => chooser.Choose([.. Scores]).Id));
        Assert.Equal(1, new TokenChooser(new(Temperature: 0) { RepetitionPenalty = 3 }, promptIds: [0]).Choose([-1f, -2f]).Id);
    }

    [Fact]
    public void A_bias_is_added_and_tokens_that_are_not_there_have_none()
    {
        var chooser = new TokenChooser(new(Temperature: 0) { LogitBias = new Dictionary<int, double> { [3] = 5, [99] = 100 } }, promptIds: [1]);
        Assert.Equal(3, chooser.Choose([.. Scores]).Id);
    }

    [Fact]
    public void Log_probabilities_are_the_models_own_before_penalties_and_temperature()
    {
        var options = new SamplingOptions(Temperature: 0.3, TopK: 1) { FrequencyPenalty = 2, TopLogProbs = 2 };
        var chooser = new TokenChooser(options, promptIds: [1]);
        var logSum = Math.Log(Scores.Sum(score => Math.Exp(score)));
        var (first, second) = (chooser.Choose([.. Scores]), chooser.Choose([.. Scores]));
        Assert.Equal((1, 0), (first.Id, second.Id));
        Assert.Equal((2 - logSum, 1 - logSum), (first.LogProb!.Value, second.LogProb!.Value));
        Assert.All(new[] { first, second }, token => Assert.Equal([new(1, 2 - logSum), new(0, 1 - logSum)], token.Likeliest));
    }

    [Fact]
    public void Without_being_asked_for_no_log_probabilities_are_told()
    {
        var token = new TokenChooser(new(), promptIds: [1]).Choose([.. Scores]);
        Assert.Null(token.LogProb);
        Assert.Empty(token.Likeliest);
    }
}
