namespace Zephyr.Data;

/// <summary>Work on rows by several threads that looks from outside as if one had done it.</summary>
public static class ParallelRows
{
    /// <summary>How many rows each thread may be ahead of the reader: enough that a long row holds nobody up, and little memory.</summary>
    private const int RowsAhead = 32;

    /// <summary>
    /// What becomes of each row, in the order of the rows and the same for any number of threads. The rows themselves are read by the calling
    /// thread, a bounded number ahead. An error, of a row or of the reading, comes when its turn comes: the first bad row in order is the one that is named.
    /// </summary>
    /// <param name="rows">The rows.</param>
    /// <param name="select">What to do with one; called from several threads at once.</param>
    /// <param name="threads">How many threads work; 0 for one a core.</param>
    /// <param name="cancellation">Ends it between two rows.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IEnumerable<TResult> SelectOrdered<T, TResult>(this IEnumerable<T> rows, Func<T, TResult> select, int threads, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        return Run(rows, select, threads == 0 ? Environment.ProcessorCount : threads, cancellation);
    }

    private static IEnumerable<TResult> Run<T, TResult>(IEnumerable<T> rows, Func<T, TResult> select, int threads, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var workers = new TaskFactory(stop.Token, TaskCreationOptions.None, TaskContinuationOptions.None,
            new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, threads).ConcurrentScheduler);
        var ahead = new Queue<Task<TResult>>();
        using var source = rows.GetEnumerator();
        try
        {
            for (var more = true; ;)
            {
                while (more && ahead.Count < threads * RowsAhead) more = Next(source, row => ahead.Enqueue(workers.StartNew(() => select(row))), ahead);
                cancellation.ThrowIfCancellationRequested();
                if (ahead.Count == 0) yield break;
                yield return ahead.Dequeue().GetAwaiter().GetResult();
            }
        }
        finally
        {
            // Nobody goes on working behind the back of a caller that has stopped listening.
            stop.Cancel();
            foreach (var task in ahead) Task.WhenAny(task).Wait(CancellationToken.None);
        }
    }

    /// <summary>Starts on the next row; a source that breaks is a row that fails, behind those before it.</summary>
    private static bool Next<T, TResult>(IEnumerator<T> source, Action<T> start, Queue<Task<TResult>> ahead)
    {
        try
        {
            if (!source.MoveNext()) return false;
            start(source.Current);
            return true;
        }
        catch (Exception error)
        {
            ahead.Enqueue(Task.FromException<TResult>(error));
            return false;
        }
    }
}
