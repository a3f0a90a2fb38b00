namespace Zephyr.Data.Text;

/// <summary>
/// The default: each conversation is rendered as one text behind one &lt;s&gt;. The prompt ends with the assistant's tag and its newline,
/// the answer with its &lt;/s&gt;, so that what is scored is exactly what the model has to say. A long prompt is cut by itself and keeps its
/// &lt;s&gt;; each answer gets all the room that is left.
/// </summary>
internal sealed class ZephyrPairs(MistralTokenizer tokenizer, int maxLength, int maxPromptLength, bool keepEnd) : IPairTokenization
{
    public int IdsBehindEnd => 0;

    public PairIds Encode(PreferencePair pair)
    {
        var prompt = tokenizer.Encode(ZephyrTemplate.Render(pair.Prompt, addGenerationPrompt: true), addBos: true);
        return new(prompt, Answer("chosen", pair.Chosen), Answer("rejected", pair.Rejected));

        int[] Answer(string field, IReadOnlyList<ChatMessage> answer)
        {
            // The newline after the last </s> is the template's, not the answer's.
            var text = ZephyrTemplate.Render([.. pair.Prompt, .. answer], addGenerationPrompt: false)[..^1];
            return PairEncoding.Behind(prompt, tokenizer.Encode(text, addBos: true), pair.Location, field);
        }
    }

    public PairIds Cut(PairIds whole)
    {
        var prompt = whole.Prompt;
        if (prompt.Length > maxPromptLength)
            prompt = keepEnd ? [prompt[0], .. prompt.AsSpan(prompt.Length - (maxPromptLength - 1))] : prompt[..maxPromptLength];
        var room = maxLength - prompt.Length;
        return new(prompt, whole.Chosen.Head(room), whole.Rejected.Head(room));
    }
}
