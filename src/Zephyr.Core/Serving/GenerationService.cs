using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Generation;
using Zephyr.Runtime;

namespace Zephyr.Serving;

/// <summary>What a service may take.</summary>
/// <param name="Batch">What is under way at a time.</param>
/// <param name="MaxQueue">The most answers that wait besides; more are refused.</param>
/// <param name="Seed">Requests without a seed of their own get one that is made of this and their number.</param>
public sealed record ServiceLimits(BatchLimits Batch, int MaxQueue = int.MaxValue / 2, long Seed = 42);

/// <summary>There is no place for another request now.</summary>
public sealed class QueueFullException() : RunFailedException("all places are taken and the queue is full; try again later");

/// <summary>The service answers nothing any more.</summary>
public sealed class ServiceStoppedException() : RunFailedException("the service is shutting down");

/// <summary>
/// Answers many requests at a time with one model, which lives on a thread of its own: tensors are bound to the thread that made them. May be used from any number of threads.
/// </summary>
public sealed class GenerationService : IDisposable
{
    private readonly BatchGenerator _generator;
    private readonly ServiceLimits _limits;
    private readonly ConcurrentQueue<BatchSequence> _arriving = new();
    // Never disposed of: who gives an answer up may still knock when all is over, and it holds nothing native.
    private readonly SemaphoreSlim _work = new(0);
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private readonly int _vocabulary;
    private long _requests;
    private int _open;
    private volatile bool _stopping, _cancelling;

    /// <param name="model">Stays the caller's, who lets nothing else use it until this is disposed of.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="limits">What it may take.</param>
    public GenerationService(MistralForCausalLM model, MistralTokenizer tokenizer, ServiceLimits limits)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(limits);
        (Tokenizer, _limits, _vocabulary) = (tokenizer, limits, model.Config.VocabSize);
        _generator = new(model, limits.Batch);
        _thread = new(Run) { IsBackground = true, Name = "generation" };
        _thread.Start();
    }

    /// <summary>The model's tokenizer.</summary>
    public MistralTokenizer Tokenizer { get; }

    /// <summary>Tokens that prompt and answer may have together.</summary>
    public int Room => _generator.Room;

    /// <summary>Rows of the model's vocabulary.</summary>
    public int Vocabulary => _vocabulary;

    /// <summary>Answers that are under way or wait.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>Answers a request, piece by piece. Whoever stops asking for pieces gives it up, and its place becomes free.</summary>
    /// <param name="request">What to continue, and how.</param>
    /// <param name="cancellation">Gives it up.</param>
    /// <exception cref="UserErrorException">The prompt cannot be continued (<see cref="PromptTooLongException"/>).</exception>
    /// <exception cref="QueueFullException">There is no place.</exception>
    /// <exception cref="ServiceStoppedException">It is shutting down, before or while it answers.</exception>
    /// <exception cref="RunFailedException">The model failed.</exception>
    public async IAsyncEnumerable<AnswerPart> Answer(TextRequest request, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            await foreach (var part in Start(request, gone.Token).ReadAllAsync(cancellation).ConfigureAwait(false)) yield return part;
        }
        finally
        {
            await gone.CancelAsync().ConfigureAwait(false);
            _work.Release();
        }
    }

    /// <summary>Refuses new requests and waits for those it has; those that are not done when <paramref name="grace"/> is over are given up.</summary>
    /// <returns>Whether all were done.</returns>
    public async Task<bool> Stop(TimeSpan grace)
    {
        lock (_gate) _stopping = true;
        _work.Release();
        var done = await Task.WhenAny(_idle.Task, Task.Delay(grace)).ConfigureAwait(false) == _idle.Task;
        _cancelling = true;
        _work.Release();
        await _idle.Task.ConfigureAwait(false);
        return done;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate) _stopping = true;
        _cancelling = true;
        _work.Release();
        _thread.Join();
    }

    private ChannelReader<AnswerPart> Start(TextRequest request, CancellationToken cancellation)
    {
        _generator.Require(request.PromptIds);
        var output = Channel.CreateUnbounded<AnswerPart>(new() { SingleReader = true });
        var answers = Enumerable.Range(0, request.Choices).Select(choice => new Answer(choice, request, Tokenizer, output.Writer)).ToList();
        var (prompt, left) = (new BatchPrompt(request.PromptIds), request.Choices);
        void End(Answer answer, AnswerEnd end, Exception? failure)
        {
            answer.Finish(end);
            Interlocked.Decrement(ref _open);
            if (end == AnswerEnd.Failed) output.Writer.TryComplete(failure as RunFailedException ?? new RunFailedException($"the model failed: {failure?.Message}", failure));
            else if (end == AnswerEnd.Cancelled) output.Writer.TryComplete(_cancelling ? new ServiceStoppedException() : new OperationCanceledException(cancellation));
            else if (--left == 0) output.Writer.TryComplete();
        }
        lock (_gate)
        {
            if (_stopping) throw new ServiceStoppedException();
            if (_open + request.Choices > (long)_limits.Batch.MaxSequences + _limits.MaxQueue) throw new QueueFullException();
            var seed = request.Seed ?? unchecked((long)new SeededRandom(_limits.Seed, _requests++).NextUInt64());
            Interlocked.Add(ref _open, request.Choices);
            for (var choice = 0; choice < request.Choices; choice++)
            {
                var answer = answers[choice];
                var sampling = request.Sampling with { Seed = choice == 0 ? seed : unchecked((long)new SeededRandom(seed, choice).NextUInt64()) };
                _arriving.Enqueue(new(prompt, sampling, answer.Accept, (end, failure) => End(answer, end, failure), cancellation));
            }
        }
        _work.Release();
        return output.Reader;
    }

    private void Run()
    {
        while (true)
        {
            while (_arriving.TryDequeue(out var sequence)) _generator.Add(sequence);
            if (_cancelling) _generator.CancelAll();
            if (_generator.Step()) continue;
            bool done;
            lock (_gate) done = _stopping && _arriving.IsEmpty;
            if (done) break;
            _work.Wait();
        }
        _generator.Dispose();
        _idle.TrySetResult();
    }
}
