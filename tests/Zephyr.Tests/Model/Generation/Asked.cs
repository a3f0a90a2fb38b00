using Zephyr.Model.Generation;

namespace Zephyr.Tests.Model.Generation;

/// <summary>An answer in a batch, and what became of it.</summary>
internal sealed class Asked
{
    private static int _ended;

    private Asked(BatchPrompt prompt, SamplingOptions sampling, CancellationToken cancellation)
    {
        (Ids, Sampling) = (prompt.Ids, sampling);
        Sequence = new(prompt, sampling, token =>
        {
            Tokens.Add(token);
            return true;
        }, (end, failure) => (End, Failure, EndedAt) = (end, failure, Interlocked.Increment(ref _ended)), cancellation);
    }

    public int[] Ids { get; }

    public SamplingOptions Sampling { get; }

    public BatchSequence Sequence { get; }

    public List<ChosenToken> Tokens { get; } = [];

    public AnswerEnd? End { get; private set; }

    public Exception? Failure { get; private set; }

    public int EndedAt { get; private set; }

    public static Asked Of(int[] ids, int most, double temperature, int seed) => Of(new BatchPrompt(ids), most, temperature, seed);

    public static Asked Of(BatchPrompt prompt, int most, double temperature, int seed, IReadOnlyDictionary<int, double>? bias = null) =>
        new(prompt, new(temperature, MaxNewTokens: most, Seed: seed) { TopLogProbs = 3, LogitBias = bias }, CancellationToken.None);

    public Asked Until(CancellationToken cancellation) => new(new(Ids), Sampling, cancellation);

    public Asked Again() => Until(CancellationToken.None);

    /// <summary>Tokens and log-probabilities, every digit of them.</summary>
    public string Told() => string.Join('\n', Tokens.Select(token =>
        $"{token.Id} {token.LogProb:R} {string.Join(' ', token.Likeliest.Select(other => $"{other.Id} {other.LogProb:R}"))}"));
}
