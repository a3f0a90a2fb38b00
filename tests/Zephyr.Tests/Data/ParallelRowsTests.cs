using Zephyr.Data;

namespace Zephyr.Tests.Data;

public sealed class ParallelRowsTests
{
    [Theory]
    [InlineData(0), InlineData(1), InlineData(2), InlineData(7)]
    public void Results_come_in_the_order_of_the_rows_for_any_number_of_threads(int threads)
    {
        // The earlier a row, the longer it takes: a queue that gives what is ready would turn them round.
        var results = Enumerable.Range(0, 300).SelectOrdered(Slow, threads, TestContext.Current.CancellationToken);
        Assert.Equal(Enumerable.Range(0, 300).Select(i => i * i), results);

        static int Slow(int i)
        {
            Thread.SpinWait(20 * (300 - i));
            return i * i;
        }
    }

    [Theory]
    [InlineData(1), InlineData(4)]
    public void The_first_bad_row_in_order_is_the_one_that_is_named(int threads)
    {
        var seen = new List<int>();
        var error = Assert.Throws<FormatException>(() => seen.AddRange(
            Enumerable.Range(0, 100).SelectOrdered(i => i is 17 or 18 or 60 ? throw Bad(i) : i, threads, TestContext.Current.CancellationToken)));
        Assert.Equal("row 17", error.Message);
        var before = new List<int>();
        Assert.Throws<FormatException>(() =>
        {
            foreach (var i in Enumerable.Range(0, 100).SelectOrdered(i => i == 17 ? throw Bad(i) : i, threads, TestContext.Current.CancellationToken)) before.Add(i);
        });
        Assert.Equal(Enumerable.Range(0, 17), before);

        // A row that is not slowed down fails long before the first one does.
        FormatException Bad(int i)
        {
            if (i == 17) Thread.Sleep(50);
            return new($"row {i}");
        }
    }

    [Fact]
    public void Rows_that_cannot_be_read_fail_behind_those_before_them()
    {
        var before = new List<int>();
        var error = Assert.Throws<FormatException>(() =>
        {
            foreach (var i in Broken().SelectOrdered(i => i, 3, TestContext.Current.CancellationToken)) before.Add(i);
        });
        Assert.Equal("unreadable", error.Message);
        Assert.Equal(Enumerable.Range(0, 5), before);
        Assert.Equal("row 3", Assert.Throws<InvalidOperationException>(() => Broken().SelectOrdered(
            i => i == 3 ? throw new InvalidOperationException("row 3") : i, 3, TestContext.Current.CancellationToken).Count()).Message);

        static IEnumerable<int> Broken()
        {
            for (var i = 0; i < 5; i++) yield return i;
            throw new FormatException("unreadable");
        }
    }

    [Fact]
    public void Only_a_bounded_number_of_rows_is_read_ahead()
    {
        var read = 0;
        var most = 0;
        foreach (var i in Rows().SelectOrdered(i => i, 2, TestContext.Current.CancellationToken)) most = Math.Max(most, read - i);
        Assert.Equal(5000, read);
        Assert.InRange(most, 1, 64);

        IEnumerable<int> Rows()
        {
            for (; read < 5000; read++) yield return read;
        }
    }

    [Fact]
    public void No_more_rows_are_in_work_at_once_than_there_are_threads()
    {
        var (working, most) = (0, 0);
        var gate = new Lock();
        Assert.Equal(200, Enumerable.Range(0, 200).SelectOrdered(i =>
        {
            lock (gate) most = Math.Max(most, ++working);
            Thread.SpinWait(500);
            lock (gate) working--;
            return i;
        }, 2, TestContext.Current.CancellationToken).Count());
        Assert.InRange(most, 1, 2);
    }

    [Fact]
    public void It_ends_when_it_is_cancelled_and_nobody_works_on()
    {
        using var source = new CancellationTokenSource();
        var started = 0;
        Assert.ThrowsAny<OperationCanceledException>(() =>
        {
            foreach (var i in Endless().SelectOrdered(Work, 3, source.Token)) if (i == 40) source.Cancel();
        });
        var then = started;
        Thread.Sleep(20);
        Assert.Equal(then, started);

        int Work(int i)
        {
            Interlocked.Increment(ref started);
            return i;
        }

        static IEnumerable<int> Endless()
        {
            for (var i = 0; ; i++) yield return i;
        }
    }

    [Fact]
    public void A_reader_that_stops_early_leaves_nobody_working()
    {
        var working = 0;
        Assert.Equal([0, 1, 2], Enumerable.Range(0, 1000).SelectOrdered(i =>
        {
            Interlocked.Increment(ref working);
            Thread.Sleep(1);
            Interlocked.Decrement(ref working);
            return i;
        }, 4, TestContext.Current.CancellationToken).Take(3));
        Assert.Equal(0, working);
    }
}
