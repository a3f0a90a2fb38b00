namespace Zephyr.Data.Text;

/// <summary>
/// TRL 1.x on rows of messages: prompt with the assistant's tag, and the rest of each whole rendering, the newline behind its &lt;/s&gt;
/// included. A chat template that writes no &lt;s&gt; gets none. The only limit is max_length, and only the end is cut (truncation_mode keep_start).
/// </summary>
internal sealed class TrlPairs(MistralTokenizer tokenizer, int maxLength) : IPairTokenization
{
    // The template's newline: a text of its own behind the mark, so it is a space and a newline, whatever stands before.
    public int IdsBehindEnd { get; } = tokenizer.Encode("\n").Length;

    public PairIds Encode(PreferencePair pair)
    {
        var prompt = tokenizer.Encode(ZephyrTemplate.Render(pair.Prompt, addGenerationPrompt: true));
        return new(prompt, Answer("chosen", pair.Chosen), Answer("rejected", pair.Rejected));

        // TRL only warns where the prompt's ids are not what the text's begin with, and scores the wrong tokens; here it is a bad row.
        int[] Answer(string field, IReadOnlyList<ChatMessage> answer) => PairEncoding.Behind(
            prompt, tokenizer.Encode(ZephyrTemplate.Render([.. pair.Prompt, .. answer], addGenerationPrompt: false)), pair.Location, field);
    }

    /// <summary>A prompt that fills max_length by itself leaves nothing of the answers: TRL drops such pairs.</summary>
    public PairIds Cut(PairIds whole)
    {
        var prompt = whole.Prompt.Head(maxLength);
        return new(prompt, whole.Chosen.Head(maxLength - prompt.Length), whole.Rejected.Head(maxLength - prompt.Length));
    }
}
