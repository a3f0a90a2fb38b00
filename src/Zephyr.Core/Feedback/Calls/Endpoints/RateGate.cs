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
    private TimeSpan _stood;

    /// <summary>Waits for its turn.</summary>
    /// <param name="size">The tokens that the request is expected to come to.</param>
    /// <param name="cancellation">Gives up waiting; the turn is lost.</param>
    public async Task Wait(long size, CancellationToken cancellation)
    {
        DateTimeOffset turn;
        TimeSpan stood;
        lock (_gate)
        {
            turn = Later(Later(_next, clock.GetUtcNow()), _paused);
            _next = turn + TimeSpan.FromMinutes(Math.Max(requests > 0 ? 1 / requests : 0, tokens > 0 ? size / tokens : 0));
            stood = _stood;
        }
        while (true)
        {
            TimeSpan wait;
            lock (_gate) wait = Later(turn + (_stood - stood), _paused) - clock.GetUtcNow();
            if (wait <= TimeSpan.Zero) return;
            await Task.Delay(wait, clock, cancellation);
        }
    }

    /// <summary>Holds all requests back for a while. Those that wait keep their order and their distances behind it.</summary>
    public void Pause(TimeSpan wait)
    {
        lock (_gate)
        {
            var (from, until) = (Later(_paused, clock.GetUtcNow()), clock.GetUtcNow() + wait);
            // What is under way is refused together: only what one pause adds to the other counts.
            if (until <= from) return;
            (_stood, _paused) = (_stood + (until - from), until);
            _next += until - from;
        }
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;
}
