using System.Threading.RateLimiting;
using Microsoft.Extensions.AI;
using Polly.Timeout;
using Zephyr.Configuration;
using Zephyr.Feedback.Calls.Endpoints;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>Opens a model on this machine as something that answers.</summary>
/// <param name="options">Its folder, how it is loaded, and the most calls that it is sent at a time, to be answered in one batch.</param>
public delegate IChatClient OpenLocalModel(EndpointOptions options);

/// <summary>One model of the pool with its client, which is made when it is first asked, and the places of the calls under way.</summary>
internal sealed class PooledModel : IDisposable
{
    private readonly Lazy<IChatClient> _client;
    private readonly Lazy<string> _identity;
    private readonly FailureTexts _texts;
    private readonly ConcurrencyLimiter _places;
    private volatile bool _hasAnswered;

    /// <param name="model">What it is.</param>
    /// <param name="openLocal">Opens it where it is a local one.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="clock">Waits.</param>
    /// <exception cref="UserErrorException">Its key is not in the environment.</exception>
    public PooledModel(PoolModel model, OpenLocalModel openLocal, long seed, TimeProvider clock)
    {
        Model = model;
        var key = EndpointClient.KeyOf(model);
        _texts = new(key);
        _client = new(() => model.IsLocal ? openLocal(model.Options) : EndpointClient.Create(model, key, _texts, seed, clock));
        _identity = new(() => LocalContent.IdentityOf(model));
        _places = new(new() { PermitLimit = model.Options.MaxConcurrency, QueueLimit = int.MaxValue, QueueProcessingOrder = QueueProcessingOrder.OldestFirst });
    }

    public PoolModel Model { get; }

    /// <summary>What answers under the name; part of a call's key.</summary>
    public string Identity => _identity.Value;

    /// <summary>Calls that have failed since the last answer.</summary>
    public int FailedInARow;

    /// <summary>Waits for a place among the calls under way.</summary>
    public async Task<IDisposable> Enter(CancellationToken cancellation) => await _places.AcquireAsync(1, cancellation);

    /// <summary>Asks.</summary>
    /// <param name="call">The question.</param>
    /// <param name="key">Its key.</param>
    /// <param name="place">Its place, which is free again as soon as the endpoint has answered.</param>
    /// <param name="stop">Begins nothing new; a request that is out is waited for.</param>
    /// <exception cref="RunFailedException">The endpoint answers no call at all.</exception>
    /// <exception cref="OperationCanceledException">The call was given up.</exception>
    public async Task<CallAnswer> Ask(ModelCall call, UInt128 key, IDisposable place, CancellationToken stop)
    {
        // Before anything else: a model that cannot be opened is no failure of a call.
        var client = _client.Value;
        using var context = new CallContext(key, TokenEstimate.Likely(call.Messages) + call.Options.MaxNewTokens, place, stop);
        try
        {
            var response = await client.GetResponseAsync(ChatRequest.MessagesOf(call), ChatRequest.OptionsOf(call, Model.Options), Model.IsLocal ? stop : context.GiveUp);
            _hasAnswered = true;
            return Counted(call, new(_texts.MaskAnswer(response.Text), null, context.FinishReason ?? response.FinishReason?.Value, response.Usage?.InputTokenCount ?? 0, response.Usage?.OutputTokenCount ?? 0)
            {
                Attempts = Math.Max(1, context.Attempts),
                TokensEstimated = Model.IsLocal ? response.Usage is null : !context.Counted,
            });
        }
        catch (UserErrorException refused) when (Model.IsLocal)
        {
            // A prompt that leaves no room for an answer.
            return Failed(refused.Message, transient: false, 1);
        }
        catch (AttemptFailedException failure)
        {
            stop.ThrowIfCancellationRequested();
            if (failure.Kind == FailureKind.Everything || (failure.Kind == FailureKind.Forbidden && !_hasAnswered)) throw Refused(failure);
            return Failed(failure.Message, failure.Kind == FailureKind.Passing, context.Attempts);
        }
        catch (TimeoutRejectedException)
        {
            stop.ThrowIfCancellationRequested();
            return Failed(FormattableString.Invariant($"no answer within {Model.Options.Timeout} s"), transient: true, context.Attempts);
        }
    }

    public void Dispose()
    {
        if (_client.IsValueCreated) _client.Value.Dispose();
        _places.Dispose();
    }

    private static CallAnswer Failed(string reason, bool transient, int attempts) =>
        new(null, attempts > 1 ? $"{reason} (the last of {attempts} attempts)" : reason) { Transient = transient, Attempts = Math.Max(1, attempts) };

    /// <summary>An answer without text is one that the model gave, unless something kept it from giving it.</summary>
    private static CallAnswer Counted(ModelCall call, CallAnswer answer)
    {
        if (answer.TokensEstimated) answer = answer with { PromptTokens = TokenEstimate.Likely(call.Messages), CompletionTokens = TokenEstimate.Likely(answer.Text!) };
        return answer is { Text.Length: 0, FinishReason: "content_filter" or "length" }
            ? answer with { Text = null, Failure = $"the model gave no text: finish_reason {answer.FinishReason}" }
            : answer;
    }

    private RunFailedException Refused(AttemptFailedException failure) =>
        new($"{Model.Name}: {Model.Options.BaseUrl} refuses all calls: {failure.Message}; all answers are kept, and the same command goes on from them");
}
