using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Feedback.Calls;
using Zephyr.Feedback.Judging;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Generation;

/// <summary>A question to a model of the pool, before it is asked.</summary>
/// <param name="Principle">The principle's name; empty for none.</param>
/// <param name="SystemPrompt">Its words; empty for none.</param>
/// <param name="Call">The call.</param>
internal sealed record AnswerRequest(string Principle, string SystemPrompt, ModelCall Call);

/// <summary>
/// Lets several models answer a prompt, each after a principle, as UltraFeedback did. Who answers and after which words is a pure function of the seed, the pool and the
/// prompt's text: neither the order of the prompts nor which others there are changes an answer.
/// </summary>
public sealed class AnswerGenerator
{
    // "answ" in ASCII: what the numbers are for.
    private const long Stream = 0x616E7377;

    private readonly AnswerOptions _options;
    private readonly (string Name, double Weight, IReadOnlyList<string> Prompts)[] _principles;
    private readonly long _seed;

    /// <param name="options">The pool, and how it answers.</param>
    /// <param name="principles">The system prompts.</param>
    /// <param name="seed">The run's seed.</param>
    /// <exception cref="UserErrorException">The mix names a principle that there is not.</exception>
    public AnswerGenerator(AnswerOptions options, PrincipleSet principles, long seed)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(principles);
        (_options, _seed) = (options, seed);
        _principles = [.. options.PrincipleMix.Where(entry => entry.Value > 0).Select(entry => (entry.Key, entry.Value, principles[entry.Key]))];
    }

    /// <summary>Asks the models, all at a time, and waits for all: an answer, or the reason why there is none.</summary>
    /// <param name="calls">Who answers.</param>
    /// <param name="prompt">One user turn.</param>
    /// <param name="source">Where it is from; empty where that is not known.</param>
    /// <param name="cancellation">Gives it up.</param>
    /// <exception cref="RunFailedException">The budget is spent, or the journal cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async Task<AnsweredPrompt> Answer(IModelCalls calls, string prompt, string source, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(calls);
        var requests = Requests(prompt);
        var answers = await Task.WhenAll(requests.Select(request => calls.Ask(request.Call, cancellation))).ConfigureAwait(false);
        return new(prompt, [.. requests.Zip(answers, AnswerOf)], source);
    }

    /// <summary>What is asked about a prompt; nothing about a blank one.</summary>
    internal IReadOnlyList<AnswerRequest> Requests(string prompt)
    {
        if (string.IsNullOrWhiteSpace(prompt)) return [];
        var random = new SeededRandom(_seed, Stream, PromptKey.Of(prompt));
        var id = PromptId.Of(prompt);
        return [.. Models(random).Select((model, i) => Request(prompt, $"generate/{id}/{i + 1}", model, random))];
    }

    /// <summary>The row's answer.</summary>
    internal static ModelAnswer AnswerOf(AnswerRequest request, CallAnswer answer) =>
        new(request.Call.Model, answer.Text ?? "", request.Principle, request.SystemPrompt, answer.Failure);

    private AnswerRequest Request(string prompt, string purpose, string model, SeededRandom random)
    {
        var (principle, words) = Principle(random);
        // 31 bits: what every server takes.
        var options = new CallOptions(_options.Temperature, _options.TopP, _options.MaxNewTokens, random.NextInt(int.MaxValue));
        ChatMessage[] turns = [.. words.Length > 0 ? [new(ChatMessage.System, words)] : Array.Empty<ChatMessage>(), new(ChatMessage.User, prompt)];
        return new(principle, words, new(purpose, model, turns, options));
    }

    /// <summary>Different models as long as there are any, then the same ones again in another order.</summary>
    private List<string> Models(SeededRandom random)
    {
        var chosen = new List<string>(_options.CompletionsPerPrompt);
        while (chosen.Count < _options.CompletionsPerPrompt)
            chosen.AddRange(random.Permutation(_options.Models.Count).Take(_options.CompletionsPerPrompt - chosen.Count).Select(i => _options.Models[i]));
        return chosen;
    }

    private (string Name, string Words) Principle(SeededRandom random)
    {
        if (_principles.Length == 0) return ("", "");
        var drawn = random.NextDouble() * _principles.Sum(principle => principle.Weight);
        var chosen = _principles[^1];
        foreach (var principle in _principles)
        {
            if (drawn < principle.Weight)
            {
                chosen = principle;
                break;
            }
            drawn -= principle.Weight;
        }
        return (chosen.Name, chosen.Prompts[random.NextInt(chosen.Prompts.Count)]);
    }
}
