using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Zephyr.Feedback.Calls;

/// <summary>Many things at a time, their results in the order of the things: whoever reads them cannot tell which came first.</summary>
public static class OrderedWork
{
    // Results that wait for a slow one before them. More, and one call that is sent again and again would not hold up the others.
    private const int Ahead = 16;

    /// <summary>Works on items, some at a time, and hands out what becomes of each in their order.</summary>
    /// <param name="items">Read as they are needed, by one thread at a time.</param>
    /// <param name="width">The most that are worked on at a time, at least 1.</param>
    /// <param name="work">What is done with one.</param>
    /// <param name="cancellation">Begins no new one. Handed on to <paramref name="work"/>.</param>
    /// <returns>One result an item. Where one fails, no further item is begun, those under way are waited for, and the failure is thrown in its place.</returns>
    public static async IAsyncEnumerable<TResult> Run<TItem, TResult>(
        IEnumerable<TItem> items, int width, Func<TItem, CancellationToken, Task<TResult>> work, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var stop = new CancellationTokenSource();
        var begun = Channel.CreateBounded<Task<TResult>>(new BoundedChannelOptions(width * Ahead) { SingleReader = true, SingleWriter = true });
        var beginning = Task.Run(() => Begin(items, width, work, begun.Writer, stop, cancellation), CancellationToken.None);
        try
        {
            await foreach (var task in begun.Reader.ReadAllAsync(CancellationToken.None)) yield return await task;
            await beginning;
        }
        finally
        {
            await stop.CancelAsync();
            await foreach (var task in begun.Reader.ReadAllAsync(CancellationToken.None)) await Quietly(task);
            await Quietly(beginning);
        }
    }

    private static async Task Begin<TItem, TResult>(
        IEnumerable<TItem> items, int width, Func<TItem, CancellationToken, Task<TResult>> work, ChannelWriter<Task<TResult>> begun, CancellationTokenSource stop,
        CancellationToken cancellation)
    {
        using var places = new SemaphoreSlim(width);
        try
        {
            foreach (var item in items)
            {
                await places.WaitAsync(CancellationToken.None);
                if (stop.IsCancellationRequested || cancellation.IsCancellationRequested)
                {
                    places.Release();
                    break;
                }
                var task = Task.Run(() => work(item, cancellation), CancellationToken.None);
                _ = Leave(task, places, stop);
                await begun.WriteAsync(task, CancellationToken.None);
            }
        }
        finally
        {
            begun.Complete();
            // Until every place is free again.
            for (var i = 0; i < width; i++) await places.WaitAsync(CancellationToken.None);
        }
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Gives the place to the next one; where this one failed, there is no next one.</summary>
    private static async Task Leave(Task task, SemaphoreSlim places, CancellationTokenSource stop)
    {
        await Quietly(task);
        if (!task.IsCompletedSuccessfully) await stop.CancelAsync();
        places.Release();
    }

    private static async Task Quietly(Task task) => await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
