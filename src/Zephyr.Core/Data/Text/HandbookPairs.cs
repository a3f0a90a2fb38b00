namespace Zephyr.Data.Text;

/// <summary>
/// What made zephyr-7b-dpo-full: the alignment-handbook at v0.3 (January 2024) on TRL 0.7.7. The prompt is all turns but the last, without the
/// assistant's tag, which begins the answer and is scored; a second &lt;/s&gt; follows the one and the newline that the template writes.
/// </summary>
internal sealed class HandbookPairs(MistralTokenizer tokenizer, int maxLength, int maxPromptLength, bool keepEnd) : IPairTokenization
{
    public int IdsBehindEnd => 0;

    public PairIds Encode(PreferencePair pair)
    {
        // The handbook takes the turns before the last from chosen alone; where rejected has others, its last turn would answer somebody else.
        if (!pair.Chosen.SkipLast(1).SequenceEqual(pair.Rejected.SkipLast(1)))
            throw new BadRowException(pair.Location, "rejected", "turns before the last one that chosen does not have", "answers that differ in their last turn only");
        var prompt = ZephyrTemplate.Render([.. pair.Prompt, .. pair.Chosen.SkipLast(1)], addGenerationPrompt: false);
        var chosen = tokenizer.Encode(prompt + ZephyrTemplate.Render([pair.Chosen[^1]], addGenerationPrompt: false));
        var rejected = tokenizer.Encode(prompt + ZephyrTemplate.Render([pair.Rejected[^1]], addGenerationPrompt: false));
        var promptIds = tokenizer.Encode(prompt);
        // Where the prompt's last token merges with the answer's first, the prompt ends one token earlier.
        if (!chosen.AsSpan().StartsWith(promptIds) || !rejected.AsSpan().StartsWith(promptIds)) promptIds = promptIds[..^1];
        return new([tokenizer.BosId, .. promptIds], [.. Answer("chosen", chosen), tokenizer.EosId], [.. Answer("rejected", rejected), tokenizer.EosId]);

        int[] Answer(string field, int[] text) => PairEncoding.Behind(promptIds, text, pair.Location, field);
    }

    /// <summary>
    /// Only where the longer answer does not fit behind the whole prompt: the prompt is cut, keep_end taking its &lt;s&gt; too, and where that
    /// is not enough, both answers to what max_prompt_length leaves, even behind a prompt that is shorter than that.
    /// </summary>
    public PairIds Cut(PairIds whole)
    {
        var (prompt, chosen, rejected) = whole;
        var longer = Math.Max(chosen.Length, rejected.Length);
        if (prompt.Length + longer > maxLength && prompt.Length > maxPromptLength)
            prompt = keepEnd ? prompt[^maxPromptLength..] : prompt[..maxPromptLength];
        if (prompt.Length + longer > maxLength)
            (chosen, rejected) = (chosen.Head(maxLength - maxPromptLength), rejected.Head(maxLength - maxPromptLength));
        return new(prompt, chosen, rejected);
    }
}
