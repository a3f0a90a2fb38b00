using Zephyr.Data.Text;
using Zephyr.Model.Generation;

namespace Zephyr.Serving;

/// <summary>A text to continue.</summary>
/// <param name="PromptIds">Its tokens.</param>
/// <param name="Sampling">How; its seed gives way to <see cref="Seed"/>.</param>
public sealed record TextRequest(int[] PromptIds, SamplingOptions Sampling)
{
    /// <summary>Seed of the draws; null for one of the service's own, another for each request.</summary>
    public long? Seed { get; init; }

    /// <summary>How many answers.</summary>
    public int Choices { get; init; } = 1;

    /// <summary>An answer ends before the first of them.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>The answer goes on in the middle of the prompt's text, so that its first space counts; a turn begins anew.</summary>
    public bool ContinuesText { get; init; }

    /// <summary>A conversation in the chat template, with the tag of the answer to come.</summary>
    /// <param name="tokenizer">Makes the ids.</param>
    /// <param name="messages">The turns.</param>
    /// <param name="sampling">How.</param>
    /// <param name="addSystemTurn">An empty system turn goes in front where there is none.</param>
    public static TextRequest OfConversation(
        MistralTokenizer tokenizer, IReadOnlyList<Data.ChatMessage> messages, SamplingOptions sampling, bool addSystemTurn = false)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        var text = ZephyrTemplate.Render(addSystemTurn ? ZephyrTemplate.WithSystemTurn(messages) : messages, addGenerationPrompt: true);
        return new(tokenizer.Encode(text, addBos: true), sampling);
    }
}

/// <summary>A piece of an answer.</summary>
/// <param name="Choice">Which of the request's answers, from 0.</param>
/// <param name="Text">What can be shown now; may be empty.</param>
/// <param name="Tokens">The tokens that begin in it, where log-probabilities were asked for.</param>
/// <param name="End">Why it ended, in its last piece.</param>
/// <param name="CompletionTokens">Tokens of the answer so far, without &lt;/s&gt;; those of a stop string count.</param>
public sealed record AnswerPart(int Choice, string Text, IReadOnlyList<AnswerToken> Tokens, AnswerEnd? End, int CompletionTokens);

/// <summary>A token of an answer.</summary>
/// <param name="Token">What was chosen, and how likely it was.</param>
/// <param name="Start">Where in the answer's text it begins.</param>
public readonly record struct AnswerToken(ChosenToken Token, int Start);
