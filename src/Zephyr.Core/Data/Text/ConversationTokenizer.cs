namespace Zephyr.Data.Text;

/// <summary>A conversation in token ids.</summary>
/// <param name="Location">The row it came from.</param>
/// <param name="Ids"><c>&lt;s&gt;</c> and the rendered conversation, at full length; or a plain text between <c>&lt;s&gt;</c> and <c>&lt;/s&gt;</c>.</param>
/// <param name="AssistantMask">For each id whether the assistant says it: content and its <c>&lt;/s&gt;</c>, not the role's tag.</param>
public sealed record TokenizedConversation(RowLocation Location, int[] Ids, bool[] AssistantMask);

/// <summary>Conversations to token ids (dSFT). May be used from several threads.</summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="insertSystem">Whether a conversation without a system turn gets an empty one.</param>
public sealed class ConversationTokenizer(MistralTokenizer tokenizer, bool insertSystem)
{
    /// <summary>The turns that were left out so far.</summary>
    public SkippedTurns Skipped { get; } = new();

    /// <summary>The ids of a conversation.</summary>
    /// <exception cref="BadRowException">No turn has a role that the template knows.</exception>
    public TokenizedConversation Tokenize(Conversation conversation)
    {
        ArgumentNullException.ThrowIfNull(conversation);
        if (conversation.Text is { } text) return TokenizeText(conversation.Location, text);
        if (!conversation.Messages.Any(message => ZephyrTemplate.Knows(message.Role)))
            throw new BadRowException(conversation.Location, "messages", $"the roles {Conversation.RolesOf(conversation.Messages)}", ZephyrTemplate.KnownTurn);
        Skipped.Count(conversation.Messages);
        var messages = insertSystem ? ZephyrTemplate.WithSystemTurn(conversation.Messages) : conversation.Messages;
        var rendered = ZephyrTemplate.RenderWithSpans(messages);
        var encoded = tokenizer.EncodeWithSpans(rendered.Text, addBos: true);
        return new TokenizedConversation(conversation.Location, encoded.Ids, Mask(encoded.Spans, rendered.AssistantSpans));
    }

    /// <summary>A text as it stands; its marks are added where it does not bring them itself, as TRL adds <c>&lt;/s&gt;</c>. Nobody speaks in it.</summary>
    private TokenizedConversation TokenizeText(RowLocation location, string text)
    {
        var ids = tokenizer.Encode(text, addBos: true);
        if (ids is [_, var first, ..] && first == tokenizer.BosId) ids = ids[1..];
        if (ids[^1] != tokenizer.EosId) ids = [.. ids, tokenizer.EosId];
        return new(location, ids, new bool[ids.Length]);
    }

    /// <summary>A token belongs to where its first character stands. Both lists are in order of the text.</summary>
    private static bool[] Mask(CharSpan[] tokens, IReadOnlyList<CharSpan> spoken)
    {
        var mask = new bool[tokens.Length];
        var turn = 0;
        // The first token is <s>, which stands nowhere.
        for (var i = 1; i < tokens.Length; i++)
        {
            while (turn < spoken.Count && tokens[i].Start >= spoken[turn].End) turn++;
            mask[i] = turn < spoken.Count && tokens[i].Start >= spoken[turn].Start;
        }
        return mask;
    }
}
