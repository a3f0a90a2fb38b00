using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using TorchSharp;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Generation;
using Zephyr.Runtime;

namespace Zephyr.Serving;

/// <summary>
/// Answers many requests at a time with one model, which lives on a thread of its own: tensors are bound to the thread that made them. May be used from any number of threads.
/// </summary>
public sealed class GenerationService : IDisposable
{
    /// <summary>Under so many weights (on the CPU) a second thread costs more than it helps: a pass is over before it is awake.</summary>
    private const long WeightsWorthThreads = 10_000_000;

    private readonly MistralForCausalLM _model;
    private readonly ServiceLimits _limits;
    private readonly BatchGenerator _generator;
    private readonly ConcurrentQueue<BatchSequence> _arriving = new();
    // Never disposed of: who gives an answer up may still knock when all is over, and it holds nothing native.
    private readonly SemaphoreSlim _work = new(0);
    private readonly TaskCompletionSource<Exception> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private readonly Lock _gate = new();
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
        (_model, Tokenizer, _limits) = (model, tokenizer, limits);
        var made = new TaskCompletionSource<BatchGenerator>(TaskCreationOptions.RunContinuationsAsynchronously);
        _thread = new(() => Run(made)) { IsBackground = true, Name = "generation" };
        _thread.Start();
        _generator = made.Task.GetAwaiter().GetResult();
    }

    /// <summary>The model's tokenizer.</summary>
    public MistralTokenizer Tokenizer { get; }

    /// <summary>Tokens that prompt and answer may have together.</summary>
    public int Room => _generator.Room;

    /// <summary>Answers that are under way or wait.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>It takes no requests any more.</summary>
    public bool IsStopping => _stopping;

    /// <summary>Ends, with the error, when the GPU answers nothing any more: requests are refused from then on.</summary>
    public Task<Exception> DeviceLost => _lost.Task;

    /// <summary>Answers a request, piece by piece. Whoever stops asking for pieces gives it up, and its place becomes free.</summary>
    /// <param name="request">What to continue, and how.</param>
    /// <param name="cancellation">Gives it up.</param>
    /// <exception cref="UserErrorException">The prompt cannot be continued (<see cref="PromptTooLongException"/>), or there are not so many places in all.</exception>
    /// <exception cref="QueueFullException">There is no place.</exception>
    /// <exception cref="ServiceStoppedException">It is shutting down, before or while it answers.</exception>
    /// <exception cref="RunFailedException">The model failed.</exception>
    public IAsyncEnumerable<AnswerPart> Answer(TextRequest request, CancellationToken cancellation = default) => Answer([request], cancellation);

    /// <summary>Answers several requests as one: all have a place, or none has. Their answers are numbered through.</summary>
    /// <param name="requests">What to continue, and how.</param>
    /// <param name="cancellation">Gives them up.</param>
    public async IAsyncEnumerable<AnswerPart> Answer(IReadOnlyList<TextRequest> requests, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            await foreach (var part in Start(requests, gone.Token).ReadAllAsync(cancellation).ConfigureAwait(false)) yield return part;
        }
        finally
        {
            await gone.CancelAsync().ConfigureAwait(false);
            _work.Release();
        }
    }

    /// <summary>Refuses new requests from here on.</summary>
    public void Refuse()
    {
        lock (_gate) _stopping = true;
        _work.Release();
    }

    /// <summary>Refuses new requests and waits for those it has; those that are not done when <paramref name="grace"/> is over are given up.</summary>
    /// <returns>Whether all were done.</returns>
    public async Task<bool> Stop(TimeSpan grace)
    {
        Refuse();
        var done = await Task.WhenAny(_over.Task, Task.Delay(grace)).ConfigureAwait(false) == _over.Task;
        _cancelling = true;
        _work.Release();
        await _over.Task.ConfigureAwait(false);
        return done;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _cancelling = true;
        Refuse();
        _thread.Join();
    }

    private ChannelReader<AnswerPart> Start(IReadOnlyList<TextRequest> requests, CancellationToken cancellation)
    {
        foreach (var request in requests) _generator.Require(request.PromptIds);
        var output = Channel.CreateUnbounded<AnswerPart>(new() { SingleReader = true });
        var left = 0;
        var asked = requests.Select(request => (request, Prompt: new BatchPrompt(request.PromptIds),
            Answers: Enumerable.Range(0, request.Choices).Select(_ => new Answer(left++, request, Tokenizer, output.Writer)).ToList())).ToList();
        var most = (long)_limits.Batch.MaxSequences + _limits.MaxQueue;
        // To come again would not help.
        if (left > most) throw new UserErrorException($"the request asks for {left} answers, at most {most} may be under way or wait (--max_concurrent and --max_queue)");
        lock (_gate)
        {
            if (_stopping) throw new ServiceStoppedException();
            if (_open + left > most) throw new QueueFullException();
            Interlocked.Add(ref _open, left);
            foreach (var (request, prompt, answers) in asked)
            {
                var seed = request.Seed ?? Derived(_limits.Seed, _requests++);
                for (var i = 0; i < answers.Count; i++)
                {
                    var answer = answers[i];
                    var sampling = request.Sampling with { Seed = i == 0 ? seed : Derived(seed, i) };
                    _arriving.Enqueue(new(prompt, sampling, answer.Accept, (end, failure) => End(answer, end, failure), cancellation));
                }
            }
        }
        _work.Release();
        return output.Reader;

        void End(Answer answer, AnswerEnd end, Exception? failure)
        {
            answer.Finish(end);
            Interlocked.Decrement(ref _open);
            if (end == AnswerEnd.Failed)
            {
                output.Writer.TryComplete(failure as RunFailedException ?? new RunFailedException($"the model failed: {TorchErrors.Reason(failure!)}", failure));
                if (TorchErrors.IsDeviceLost(failure!) && _lost.TrySetResult(failure!)) Refuse();
            }
            else if (end == AnswerEnd.Cancelled) output.Writer.TryComplete(_cancelling ? new ServiceStoppedException() : new OperationCanceledException(cancellation));
            else if (--left == 0) output.Writer.TryComplete();
        }
    }

    private static long Derived(long seed, long number) => unchecked((long)new SeededRandom(seed, number).NextUInt64());

    private void Run(TaskCompletionSource<BatchGenerator> made)
    {
        BatchGenerator generator;
        try
        {
            // OpenMP's number is a thread's own, so that this one is the service's.
            if (_model.Device.type == DeviceType.CPU && _model.Config.ParameterCount < WeightsWorthThreads) torch.set_num_threads(1);
            generator = new(_model, _limits.Batch);
        }
#pragma warning disable CA1031 // Thrown on in the constructor.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            made.SetException(failure);
            return;
        }
        made.SetResult(generator);
        while (true)
        {
            while (_arriving.TryDequeue(out var sequence)) generator.Add(sequence);
            if (_cancelling) generator.CancelAll();
            if (generator.Step()) continue;
            bool over;
            lock (_gate) over = _stopping && _arriving.IsEmpty;
            if (over) break;
            _work.Wait();
        }
        generator.Dispose();
        _over.TrySetResult();
    }
}
