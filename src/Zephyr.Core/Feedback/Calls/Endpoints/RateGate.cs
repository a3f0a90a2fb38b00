namespace Zephyr.Feedback.Calls.Endpoints;

/// <summary>
/// When the next request to an endpoint may go out: so many a minute and so many tokens a minute, evenly spaced, so that no minute has more; and none while the
/// endpoint has asked to be left alone.
/// </summary>
/// <param name="requests">Requests a minute; 0 for no limit.</param>
/// <param name="tokens">Tokens a minute; 0 for no limit.</param>
/// <param name="clock">What time it is.</param>
internal sealed class RateGate(double requests, double tokens, TimeProvider clock)
{
    private readonly Lock _gate = new();
    private DateTimeOffset _next = DateTimeOffset.MinValue, _paused = DateTimeOffset.MinValue;

    /// <summary>Waits for its turn.</summary>
    /// <param name="size">The most tokens that the request may come to.</param>
    /// <param name="cancellation">Gives up waiting; the turn is lost.</param>
    public async Task Wait(long size, CancellationToken cancellation)
    {
        DateTimeOffset turn;
        lock (_gate)
        {
            turn = Later(_next, clock.GetUtcNow());
            _next = turn + TimeSpan.FromMinutes(Math.Max(requests > 0 ? 1 / requests : 0, tokens > 0 ? size / tokens : 0));
        }
        while (true)
        {
            TimeSpan wait;
            lock (_gate) wait = Later(turn, _paused) - clock.GetUtcNow();
            if (wait <= TimeSpan.Zero) return;
            await Task.Delay(wait, clock, cancellation);
        }
    }

    /// <summary>Holds all requests back for a while.</summary>
    public void Pause(TimeSpan wait)
    {
        lock (_gate) _paused = Later(_paused, clock.GetUtcNow() + wait);
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;
}
