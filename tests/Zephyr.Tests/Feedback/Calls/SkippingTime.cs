namespace Zephyr.Tests.Feedback.Calls;

/// <summary>A clock on which every wait is over at once: it goes on by as much. What was waited for is kept.</summary>
/// <param name="stands">Whether it goes on by waits alone, so that what the machine takes shows nowhere.</param>
internal sealed class SkippingTime(bool stands = false) : TimeProvider
{
    /// <summary>Shorter and longer ones are real: the time limits of attempts, which are real as well.</summary>
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(450), Longest = TimeSpan.FromSeconds(299);

    private readonly Lock _gate = new();
    private readonly List<TimeSpan> _waits = [];
    private readonly DateTimeOffset? _began = stands ? new DateTimeOffset(2024, 1, 1, 0, 0, 0, TimeSpan.Zero) : null;
    private TimeSpan _ahead;

    /// <summary>All waits, in the order in which they began.</summary>
    public IReadOnlyList<TimeSpan> Waits
    {
        get
        {
            lock (_gate) return [.. _waits];
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate) return (_began ?? base.GetUtcNow()) + _ahead;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime < Shortest || dueTime >= Longest) return base.CreateTimer(callback, state, dueTime, period);
        lock (_gate)
        {
            _waits.Add(dueTime);
            _ahead += dueTime;
        }
        return base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
