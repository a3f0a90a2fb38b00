using Zephyr.Runtime;

namespace Zephyr.Data.Text;

/// <summary>A preference in token ids.</summary>
/// <param name="Location">The row it came from.</param>
/// <param name="PromptIds">What both answers follow, as much of it as fits.</param>
/// <param name="ChosenIds">The chosen answer to its end, or as much of it as fits; all of it is scored.</param>
/// <param name="RejectedIds">The rejected answer, likewise.</param>
/// <param name="Whole">How long the three were before they were cut.</param>
public sealed record TokenizedPair(RowLocation Location, int[] PromptIds, int[] ChosenIds, int[] RejectedIds, PairLengths Whole = default)
{
    /// <summary>Whether the cut left an answer with nothing to score, which the trl tokenization does where a prompt fills max_length.</summary>
    public bool IsCutAway => ChosenIds.Length == 0 || RejectedIds.Length == 0;
}

/// <summary>Lengths of a pair's parts in tokens.</summary>
public readonly record struct PairLengths(int Prompt, int Chosen, int Rejected);

/// <summary>Preference pairs to token ids (dDPO). May be used from several threads.</summary>
public sealed class PairTokenizer
{
    private readonly IPairTokenization _tokenization;
    private readonly bool _insertSystem;
    private readonly int _endId;

    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="maxLength">The most tokens of prompt and answer together.</param>
    /// <param name="maxPromptLength">
    /// The most tokens of a prompt that has to be cut; at least 2 and under <paramref name="maxLength"/>. Of no meaning for trl.
    /// </param>
    /// <param name="truncationMode">Which part of a longer prompt is kept: keep_end or keep_start. Of no meaning for trl.</param>
    /// <param name="insertSystem">Whether a prompt without a system turn gets an empty one.</param>
    /// <param name="tokenization">zephyr, handbook-v0.3 or trl: which program's ids these are.</param>
    public PairTokenizer(MistralTokenizer tokenizer, int maxLength, int maxPromptLength, string truncationMode, bool insertSystem, string tokenization = "zephyr")
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        (_insertSystem, _endId) = (insertSystem, tokenizer.EosId);
        var keepEnd = truncationMode switch
        {
            "keep_end" => true,
            "keep_start" => false,
            _ => throw new ArgumentException("must be keep_end or keep_start", nameof(truncationMode)),
        };
        if (tokenization != "trl")
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(maxPromptLength, 2);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(maxPromptLength, maxLength);
        }
        _tokenization = tokenization switch
        {
            "zephyr" => new ZephyrPairs(tokenizer, maxLength, maxPromptLength, keepEnd),
            "handbook-v0.3" => new HandbookPairs(tokenizer, maxLength, maxPromptLength, keepEnd),
            "trl" => new TrlPairs(tokenizer, maxLength),
            _ => throw new ArgumentException("must be zephyr, handbook-v0.3 or trl", nameof(tokenization)),
        };
    }

    /// <summary>The turns that were left out so far.</summary>
    public SkippedTurns Skipped { get; } = new();

    /// <summary>The ids of a pair.</summary>
    /// <exception cref="BadRowException">An answer is empty, or changes the ids of the prompt before it.</exception>
    public TokenizedPair Tokenize(PreferencePair pair)
    {
        ArgumentNullException.ThrowIfNull(pair);
        RequireAnswer(pair.Location, "chosen", pair.Chosen);
        RequireAnswer(pair.Location, "rejected", pair.Rejected);
        var whole = _tokenization.Encode(_insertSystem ? pair with { Prompt = ZephyrTemplate.WithSystemTurn(pair.Prompt) } : pair);
        RequireEnd(pair.Location, whole.Chosen);
        RequireEnd(pair.Location, whole.Rejected);
        var kept = _tokenization.Cut(whole);
        Skipped.Count([.. pair.Prompt, .. pair.Chosen, .. pair.Rejected]);
        return new(pair.Location, kept.Prompt, kept.Chosen, kept.Rejected, new(whole.Prompt.Length, whole.Chosen.Length, whole.Rejected.Length));
    }

    private static void RequireAnswer(RowLocation location, string field, IReadOnlyList<ChatMessage> answer)
    {
        if (!answer.Any(turn => turn.Role == ChatMessage.Assistant && turn.Content.Length > 0))
            throw new BadRowException(location, field, "an empty answer", "an assistant turn with text");
    }

    /// <summary>Every answer that is not cut has its &lt;/s&gt; among what is scored, or the model would learn never to stop.</summary>
    private void RequireEnd(RowLocation location, int[] answer)
    {
        var at = answer.Length - 1 - _tokenization.IdsBehindEnd;
        if (at < 0 || answer[at] != _endId)
            throw new UserErrorException($"{location}: an answer ends without </s>: the tokenizer does not give </s> as one token");
    }
}
