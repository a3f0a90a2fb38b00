using Zephyr.Feedback.Calls.Endpoints;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>When requests go out, in seconds of a clock that is turned by hand.</summary>
public class RateGateTests
{
    [Fact]
    public void Requests_go_out_evenly() => Assert.Equal([0, 1, 2, 3, 4], Times((gate, enter) => enter(5)));

    /// <summary>They do not all go out when the pause is over.</summary>
    [Fact]
    public void Those_that_waited_for_a_pause_keep_their_distances() => Assert.Equal([0, 13, 14, 15, 16, 17, 18], Times((gate, enter) =>
    {
        enter(5);
        gate.Pause(TimeSpan.FromSeconds(12));
        enter(2);
    }));

    [Fact]
    public void Those_that_come_during_a_pause_go_out_evenly_behind_it() => Assert.Equal([12, 13, 14], Times((gate, enter) =>
    {
        gate.Pause(TimeSpan.FromSeconds(12));
        enter(3);
    }));

    /// <summary>An endpoint refuses all that is under way, each with a wait of its own: the longest counts, not their sum.</summary>
    [Fact]
    public void Pauses_at_the_same_time_are_one() => Assert.Equal([0, 13, 14, 15], Times((gate, enter) =>
    {
        enter(3);
        foreach (var seconds in new[] { 5, 12, 12, 3 }) gate.Pause(TimeSpan.FromSeconds(seconds));
        enter(1);
    }));

    [Fact]
    public void Without_a_limit_all_go_out_behind_the_pause() => Assert.Equal([12, 12, 12], Times((gate, enter) =>
    {
        gate.Pause(TimeSpan.FromSeconds(12));
        enter(3);
    }, requests: 0));

    /// <summary>The seconds at which requests went out, of those that came at second 0.</summary>
    private static List<int> Times(Action<RateGate, Action<int>> arrange, double requests = 60)
    {
        var (clock, times) = (new HandClock(), new List<int>());
        var gate = new RateGate(requests, 0, clock);
        async Task Enter()
        {
            await gate.Wait(1, CancellationToken.None);
            times.Add(clock.Second);
        }
        // Without a context what waits goes on within the turn of the hand.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            var entered = new List<Task>();
            arrange(gate, count => entered.AddRange(Enumerable.Range(0, count).Select(_ => Enter())));
            while (clock.Second < 60) clock.Turn();
            Assert.All(entered, task => Assert.True(task.IsCompletedSuccessfully));
            return times;
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    /// <summary>A clock that goes on by a second at a time, when it is told to.</summary>
    private sealed class HandClock : TimeProvider
    {
        private static readonly DateTimeOffset Zero = new(2024, 1, 1, 0, 0, 0, TimeSpan.Zero);
        private readonly List<(int Due, TimerCallback Callback, object? State)> _timers = [];

        public int Second { get; private set; }

        public override DateTimeOffset GetUtcNow() => Zero.AddSeconds(Second);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _timers.Add((Second + (int)Math.Ceiling(dueTime.TotalSeconds), callback, state));
            return new Timer();
        }

        public void Turn()
        {
            Second++;
            var due = _timers.Where(timer => timer.Due <= Second).ToList();
            _timers.RemoveAll(timer => timer.Due <= Second);
            foreach (var timer in due) timer.Callback(timer.State);
        }

        private sealed class Timer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => default;
        }
    }
}
