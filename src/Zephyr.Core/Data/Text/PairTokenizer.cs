namespace Zephyr.Data.Text;

/// <summary>A preference in token ids.</summary>
/// <param name="Location">The row it came from.</param>
/// <param name="PromptIds"><c>&lt;s&gt;</c> and the prompt up to and including the assistant's tag and its newline.</param>
/// <param name="ChosenIds">The chosen answer with its <c>&lt;/s&gt;</c>, or as much of it as fits.</param>
/// <param name="RejectedIds">The rejected answer, likewise.</param>
public sealed record TokenizedPair(RowLocation Location, int[] PromptIds, int[] ChosenIds, int[] RejectedIds);

/// <summary>Preference pairs to token ids (dDPO). Not for use from several threads: it counts what it cuts.</summary>
public sealed class PairTokenizer
{
    private readonly MistralTokenizer _tokenizer;
    private readonly int _maxLength, _maxPromptLength;
    private readonly bool _keepEnd, _insertSystem;

    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="maxLength">The most tokens of prompt and answer together.</param>
    /// <param name="maxPromptLength">
    /// The most tokens of a prompt, <c>&lt;s&gt;</c> included; at least 2 and under <paramref name="maxLength"/>.
    /// </param>
    /// <param name="truncationMode">Which part of a longer prompt is kept after <c>&lt;s&gt;</c>: keep_end or keep_start.</param>
    /// <param name="insertSystem">Whether a prompt without a system turn gets an empty one.</param>
    public PairTokenizer(MistralTokenizer tokenizer, int maxLength, int maxPromptLength, string truncationMode, bool insertSystem)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxPromptLength, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(maxPromptLength, maxLength);
        (_tokenizer, _maxLength, _maxPromptLength, _insertSystem) = (tokenizer, maxLength, maxPromptLength, insertSystem);
        _keepEnd = truncationMode switch
        {
            "keep_end" => true,
            "keep_start" => false,
            _ => throw new ArgumentException("must be keep_end or keep_start", nameof(truncationMode)),
        };
    }

    /// <summary>What was cut so far.</summary>
    public TruncationReport Report { get; } = new();

    /// <summary>The turns that were left out so far.</summary>
    public SkippedTurns Skipped { get; } = new();

    /// <summary>The ids of a pair.</summary>
    /// <exception cref="BadRowException">An answer is empty, or changes the ids of the prompt before it.</exception>
    public TokenizedPair Tokenize(PreferencePair pair)
    {
        ArgumentNullException.ThrowIfNull(pair);
        var messages = _insertSystem ? ZephyrTemplate.WithSystemTurn(pair.Prompt) : pair.Prompt;
        var prompt = _tokenizer.Encode(ZephyrTemplate.Render(messages, addGenerationPrompt: true), addBos: true);
        var chosen = Answer(pair.Location, "chosen", messages, pair.Chosen, prompt);
        var rejected = Answer(pair.Location, "rejected", messages, pair.Rejected, prompt);

        var kept = CutPrompt(prompt);
        var room = _maxLength - kept.Length;
        Skipped.Count([.. pair.Prompt, .. pair.Chosen, .. pair.Rejected]);
        Count(prompt.Length - kept.Length, chosen.Length - room, rejected.Length - room);
        return new TokenizedPair(pair.Location, kept, Cut(chosen, room), Cut(rejected, room));
    }

    /// <summary>The ids that an answer adds to its prompt when the two are encoded as one text.</summary>
    private int[] Answer(
        RowLocation location, string field, IReadOnlyList<ChatMessage> prompt, IReadOnlyList<ChatMessage> answer, int[] promptIds)
    {
        if (!answer.Any(turn => turn.Role == ChatMessage.Assistant && turn.Content.Length > 0))
            throw new BadRowException(location, field, "an empty answer", "an assistant turn with text");
        // The newline after the last </s> is the template's, not the answer's.
        var text = ZephyrTemplate.Render([.. prompt, .. answer], addGenerationPrompt: false)[..^1];
        var ids = _tokenizer.Encode(text, addBos: true);
        if (!ids.AsSpan().StartsWith(promptIds))
            throw new BadRowException(
                location, field, "an answer that changes the token ids of its prompt",
                "an assistant turn that the prompt's ids lead up to");
        return ids[promptIds.Length..];
    }

    private int[] CutPrompt(int[] prompt)
    {
        if (prompt.Length <= _maxPromptLength) return prompt;
        return _keepEnd ? [prompt[0], .. prompt.AsSpan(prompt.Length - (_maxPromptLength - 1))] : prompt[.._maxPromptLength];
    }

    private static int[] Cut(int[] answer, int room) => answer.Length > room ? answer[..room] : answer;

    private void Count(int fromPrompt, int fromChosen, int fromRejected)
    {
        Report.Pairs++;
        if (fromPrompt > 0) Report.PromptsCut++;
        if (fromChosen > 0) Report.ChosenCut++;
        if (fromRejected > 0) Report.RejectedCut++;
        Report.TokensCut += fromPrompt + Math.Max(0, fromChosen) + Math.Max(0, fromRejected);
    }
}
