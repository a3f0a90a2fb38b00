using Zephyr.Runtime;

namespace Zephyr.Model.Generation;

/// <summary>One answer's choices, token after token: penalties for what was said, then the sampler; log-probabilities of the scores as they came.</summary>
internal sealed class TokenChooser(SamplingOptions options, int[] promptIds)
{
    private static readonly Dictionary<int, double> NoBias = [];

    private readonly Sampler _sampler = new(options);
    private readonly Dictionary<int, int> _said = [];
    private readonly HashSet<int> _repeated = options.RepetitionPenalty == 1 ? [] : [.. promptIds];

    /// <param name="logits">Scores over the vocabulary; changed by the penalties.</param>
    /// <exception cref="RunFailedException">A score is not a number.</exception>
    public ChosenToken Choose(Span<float> logits)
    {
        var normalizer = options.TopLogProbs is null ? 0 : LogSumExp(logits);
        var likeliest = options.TopLogProbs is { } wanted ? Sampler.LikeliestIds(logits, wanted) : [];
        List<TokenLogProb> top = new(likeliest.Length);
        foreach (var other in likeliest) top.Add(new(other, logits[other] - normalizer));
        var raw = HasPenalties && options.TopLogProbs is not null ? logits.ToArray() : null;
        Penalize(logits);
        var id = _sampler.Choose(logits);
        _said[id] = _said.GetValueOrDefault(id) + 1;
        if (options.RepetitionPenalty != 1) _repeated.Add(id);
        return new(id, options.TopLogProbs is null ? null : (raw is null ? logits[id] : raw[id]) - normalizer, top);
    }

    private bool HasPenalties => options.PresencePenalty != 0 || options.FrequencyPenalty != 0 || options.RepetitionPenalty != 1 || options.LogitBias is not null;

    /// <summary>OpenAI's formula: score - count x frequency - (count > 0) x presence, where count is of the answer's tokens; and CTRL's for repetition.</summary>
    private void Penalize(Span<float> logits)
    {
        foreach (var (id, bias) in options.LogitBias ?? NoBias)
            if (id < logits.Length) logits[id] += (float)bias;
        foreach (var id in _repeated)
            logits[id] = (float)(logits[id] > 0 ? logits[id] / options.RepetitionPenalty : logits[id] * options.RepetitionPenalty);
        if (options.PresencePenalty == 0 && options.FrequencyPenalty == 0) return;
        foreach (var (id, count) in _said) logits[id] -= (float)(count * options.FrequencyPenalty + options.PresencePenalty);
    }

    private static double LogSumExp(ReadOnlySpan<float> logits)
    {
        var highest = float.NegativeInfinity;
        foreach (var logit in logits) highest = Math.Max(highest, logit);
        var sum = 0.0;
        foreach (var logit in logits) sum += Math.Exp(logit - highest);
        return highest + Math.Log(sum);
    }
}
