namespace Zephyr.Feedback.Calls.Endpoints;

/// <summary>
/// What the HTTP handlers know of the call that a request belongs to; it flows with the call through the OpenAI client. It also decides what a stop does: a request that is out is
/// waited for, as its answer is paid for; a wait before the next one is cut short.
/// </summary>
internal sealed class CallContext : IDisposable
{
    private static readonly AsyncLocal<CallContext?> Flowing = new();

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _giveUp = new();
    private readonly CancellationTokenRegistration _registration;
    private readonly CancellationToken _stop;
    private readonly IDisposable _place;
    private bool _sent;

    /// <param name="key">The call, which the jitter of its waits is drawn by.</param>
    /// <param name="tokens">The most tokens that it may come to.</param>
    /// <param name="place">Its place among the calls under way; it may be left twice.</param>
    /// <param name="stop">Begins nothing new.</param>
    public CallContext(UInt128 key, long tokens, IDisposable place, CancellationToken stop)
    {
        (Key, Tokens, _place, _stop) = (key, tokens, place, stop);
        _registration = stop.Register(GiveUpUnlessSent);
        Flowing.Value = this;
    }

    /// <summary>The context of the call that is being made.</summary>
    public static CallContext Current => Flowing.Value ?? throw new InvalidOperationException("a request outside a call");

    public UInt128 Key { get; }

    public long Tokens { get; }

    /// <summary>Requests sent so far.</summary>
    public int Attempts { get; private set; }

    /// <summary>Of them, those that may have been answered and paid for without our having it: broken off, timed out, or answered with something else.</summary>
    public int Lost { get; private set; }

    /// <summary>The answer's finish_reason as the endpoint wrote it.</summary>
    public string? FinishReason { get; set; }

    /// <summary>Whether the endpoint counted the tokens.</summary>
    public bool Counted { get; set; }

    /// <summary>Cancelled when the call is given up; never while a request is out.</summary>
    public CancellationToken GiveUp => _giveUp.Token;

    /// <summary>A request goes out.</summary>
    /// <exception cref="OperationCanceledException">The run stops.</exception>
    public void BeginAttempt()
    {
        lock (_gate)
        {
            _stop.ThrowIfCancellationRequested();
            _sent = true;
            Attempts++;
        }
    }

    /// <summary>It has failed: from here on a stop gives the call up.</summary>
    /// <param name="lost">It may have been paid for.</param>
    public void FailAttempt(bool lost)
    {
        if (lost) Lost++;
        lock (_gate) _sent = false;
        if (_stop.IsCancellationRequested) _giveUp.Cancel();
    }

    /// <summary>The endpoint has answered: the next call need not wait until this answer is read.</summary>
    public void Answer() => _place.Dispose();

    public void Dispose()
    {
        Flowing.Value = null;
        _registration.Dispose();
        _giveUp.Dispose();
    }

    private void GiveUpUnlessSent()
    {
        lock (_gate)
            if (_sent) return;
        _giveUp.Cancel();
    }
}
