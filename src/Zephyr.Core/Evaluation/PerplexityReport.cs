using Zephyr.Evaluation.Statistics;

namespace Zephyr.Evaluation;

/// <summary>How likely a model finds a set of rows.</summary>
/// <param name="Name">"all", or the source.</param>
/// <param name="Rows">Sequences.</param>
/// <param name="Tokens">Labels.</param>
/// <param name="Bytes">UTF-8 bytes of text that they stand for.</param>
/// <param name="Loss">Nats a token: the sum over all rows by the tokens of all rows. The interval is the bootstrap's over rows.</param>
/// <param name="Perplexity">exp of it, and of the interval's ends; the standard error is by the delta method.</param>
/// <param name="BitsPerByte">The sum in bits by the bytes: independent of the tokenizer. NaN where there are no bytes.</param>
public sealed record PerplexityFigures(string Name, int Rows, long Tokens, long Bytes, Estimate Loss, Estimate Perplexity, double BitsPerByte)
{
    /// <summary>The figures of some rows.</summary>
    public static PerplexityFigures Of(string name, IReadOnlyList<SequenceScore> scores, Bootstrap bootstrap)
    {
        var loss = bootstrap.OfRatio([.. scores.Select(score => score.NegativeLogLikelihood)], [.. scores.Select(score => (double)score.Tokens)]);
        var perplexity = Math.Exp(loss.Value);
        var bytes = scores.Sum(score => score.Bytes);
        return new(name, scores.Count, scores.Sum(score => (long)score.Tokens), bytes, loss,
            new(perplexity, Math.Exp(loss.Low), Math.Exp(loss.High), perplexity * loss.StandardError), scores.Sum(score => score.NegativeLogLikelihood) / Math.Log(2) / bytes);
    }
}

/// <summary>How likely a model finds conversations.</summary>
/// <param name="All">All rows.</param>
/// <param name="Sources">The same by source, in ordinal order; none where no column was named.</param>
/// <param name="Conversations">Conversations that were read.</param>
/// <param name="CutConversations">Those that lost tokens to the greatest length.</param>
/// <param name="CutTokens">What they lost.</param>
public sealed record PerplexityReport(PerplexityFigures All, IReadOnlyList<PerplexityFigures> Sources, int Conversations, int CutConversations, long CutTokens);
