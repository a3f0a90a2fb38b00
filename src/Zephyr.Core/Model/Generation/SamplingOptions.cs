namespace Zephyr.Model.Generation;

/// <summary>How the next token is chosen, and when to stop at the latest.</summary>
/// <param name="Temperature">0 is greedy: always the most likely token.</param>
/// <param name="TopP">The smallest set of likeliest tokens that reaches this probability; 1 for all.</param>
/// <param name="TopK">At most this many of the likeliest; 0 for all.</param>
/// <param name="MaxNewTokens">The most tokens to generate.</param>
/// <param name="Seed">Seed of the draws.</param>
public sealed record SamplingOptions(double Temperature = 1, double TopP = 1, int TopK = 0, int MaxNewTokens = 256, long Seed = 42)
{
    /// <summary>Taken off the score of every token that the answer holds already, as OpenAI defines it; 0 for none.</summary>
    public double PresencePenalty { get; init; }

    /// <summary>Taken off the score of a token as many times as the answer holds it, as OpenAI defines it; 0 for none.</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>
    /// Divides the positive and multiplies the negative scores of tokens that prompt or answer hold (arXiv 1909.05858, as transformers does); 1 for none.
    /// </summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>How many of the likeliest tokens are told with each chosen one, besides its own log-probability; null for no log-probabilities.</summary>
    public int? TopLogProbs { get; init; }

    /// <summary>Added to the scores of some tokens before anything else, by id; null for none.</summary>
    public IReadOnlyDictionary<int, double>? LogitBias { get; init; }
}

/// <summary>A token and its log-probability.</summary>
/// <param name="Id">The token.</param>
/// <param name="LogProb">Under the model's own distribution: before penalties, temperature and cuts.</param>
public readonly record struct TokenLogProb(int Id, double LogProb);

/// <summary>A token that was chosen.</summary>
/// <param name="Id">The token.</param>
/// <param name="LogProb">Its log-probability under the model's own distribution; null where none was asked for.</param>
/// <param name="Likeliest">The likeliest tokens of that place, in falling order; empty where none were asked for.</param>
public sealed record ChosenToken(int Id, double? LogProb, IReadOnlyList<TokenLogProb> Likeliest);
