using Zephyr.Model.Generation;
using Zephyr.Runtime;

namespace Zephyr.Tests.Model.Generation;

public class SamplerTests
{
    private static readonly float[] Logits = [0.5f, 2f, -1f, 1f, 2f, float.NegativeInfinity, 0f];

    [Fact]
    public void Temperature_0_and_top_k_1_take_the_first_of_the_likeliest()
    {
        Assert.Equal(1, new Sampler(new(Temperature: 0)).Choose(Logits));
        Assert.Equal([1], Drawn(new(Temperature: 5, TopK: 1), 50).Keys);
        Assert.Equal(1, new Sampler(new(Temperature: 1e-300, TopK: 1)).Choose(Logits));
        Assert.Equal(2, new Sampler(new(Temperature: 0)).Choose([-3f, -2f, -1f]));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(2)]
    public void Frequencies_are_those_of_the_softmax(double temperature)
    {
        const int Draws = 20_000;
        var weights = Logits.Select(logit => Math.Exp(logit / temperature)).ToArray();
        var seen = Drawn(new(temperature), Draws);
        for (var id = 0; id < Logits.Length; id++)
        {
            var probability = weights[id] / weights.Sum();
            // Five standard deviations of a binomial count: by chance once in two million.
            var bound = 5 * Math.Sqrt(Draws * probability * (1 - probability));
            Assert.InRange(seen.GetValueOrDefault(id) - Draws * probability, -bound, bound);
        }
    }

    [Theory]
    [InlineData(2, new[] { 1, 4 })]
    [InlineData(3, new[] { 1, 3, 4 })]
    [InlineData(4, new[] { 0, 1, 3, 4 })]
    public void Top_k_keeps_the_k_likeliest(int k, int[] kept) =>
        Assert.Equal(kept, Drawn(new(Temperature: 2, TopK: k), 2000).Keys.Order());

    /// <summary>Probabilities 0.5, 0.25, 0.125, 0.0625, 0.0625: a token stays while those before it hold less than top-p.</summary>
    [Theory]
    [InlineData(0.01, new[] { 2 })]
    [InlineData(0.49, new[] { 2 })]
    [InlineData(0.51, new[] { 0, 2 })]
    [InlineData(0.74, new[] { 0, 2 })]
    [InlineData(0.76, new[] { 0, 2, 4 })]
    [InlineData(0.90, new[] { 0, 1, 2, 4 })]
    [InlineData(1.0, new[] { 0, 1, 2, 3, 4 })]
    public void Top_p_keeps_the_smallest_set_that_reaches_it(double topP, int[] kept)
    {
        float[] logits = [.. new[] { 0.25, 0.0625, 0.5, 0.0625, 0.125 }.Select(probability => (float)Math.Log(probability))];
        Assert.Equal(kept, Drawn(new(TopP: topP), 2000, logits).Keys.Order());
    }

    /// <summary>transformers renormalizes what top-k left before top-p looks at it: 2/3 and 1/3 of two tokens.</summary>
    [Fact]
    public void Top_p_looks_at_what_top_k_left()
    {
        float[] logits = [MathF.Log(0.5f), MathF.Log(0.25f), MathF.Log(0.25f)];
        Assert.Equal([0], Drawn(new(TopK: 2, TopP: 0.6), 500, logits).Keys);
        Assert.Equal([0, 1], Drawn(new(TopK: 0, TopP: 0.6), 500, logits).Keys.Order());
    }

    [Fact]
    public void The_same_seed_draws_the_same_tokens()
    {
        Assert.Equal(Sequence(3), Sequence(3));
        Assert.NotEqual(Sequence(3), Sequence(4));
        static int[] Sequence(long seed)
        {
            var sampler = new Sampler(new(Temperature: 2, Seed: seed));
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Choose(Logits))];
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(50)]
    [InlineData(500)]
    [InlineData(999)]
    public void Of_a_large_vocabulary_the_likeliest_are_found(int k)
    {
        var random = new SeededRandom(1);
        // Few distinct scores, so that ties stand at the border: there the lower ids stay.
        var logits = Enumerable.Range(0, 1000).Select(_ => (float)(random.NextInt(40) - 20) / 4).ToArray();
        var kept = Enumerable.Range(0, 1000).OrderByDescending(id => logits[id]).ThenBy(id => id).Take(k).ToHashSet();
        var sampler = new Sampler(new(Temperature: 1e6, TopK: k));
        Assert.All(Enumerable.Range(0, 3000), _ => Assert.Contains(sampler.Choose(logits), kept));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Scores_that_are_not_numbers_end_the_run(double temperature)
    {
        var error = Assert.Throws<RunFailedException>(() => new Sampler(new(temperature)).Choose([1f, float.NaN, 2f]));
        Assert.Equal("the model's scores for the next token are not numbers (NaN): its weights are broken", error.Message);
    }

    private static Dictionary<int, int> Drawn(SamplingOptions options, int times, float[]? logits = null)
    {
        var sampler = new Sampler(options);
        return Enumerable.Range(0, times).Select(_ => sampler.Choose(logits ?? Logits)).CountBy(id => id).ToDictionary();
    }
}
