using System.Collections.Concurrent;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>What a set of calls is made with.</summary>
/// <param name="Pool">The models.</param>
/// <param name="Budget">Caps, and what failures do.</param>
/// <param name="Journal">The journal's file, in a folder that is there.</param>
/// <param name="Seed">The run's seed, for the jitter of waits.</param>
/// <param name="OpenLocal">Opens local models.</param>
/// <param name="Observer">Who watches.</param>
/// <param name="Clock">Waits.</param>
public sealed record CallSettings(ModelPool Pool, BudgetOptions Budget, string Journal, long Seed, OpenLocalModel OpenLocal, ICallObserver Observer, TimeProvider Clock);

/// <summary>
/// The models of a pool behind a journal and a budget. The same call is made once however often and by however many at a time it is asked, in this start of the run
/// or an earlier one.
/// </summary>
public sealed class ModelCalls : IModelCalls, IAsyncDisposable
{
    private readonly ConcurrentDictionary<UInt128, Lazy<Task<CallAnswer>>> _underWay = [];
    private readonly Dictionary<string, PooledModel> _models;
    private readonly CallSettings _settings;
    private readonly CallJournal _journal;
    private readonly CallBudget _budget;
    private readonly CallTally _tally;
    private readonly CancellationTokenSource _ending = new();
    private RunFailedException? _ended;

    /// <exception cref="UserErrorException">A key is not in the environment, max_cost cannot be counted, another run writes to the journal, or the file is no journal.</exception>
    /// <exception cref="RunFailedException">The journal cannot be written.</exception>
    public ModelCalls(CallSettings settings)
    {
        settings.Pool.RequirePrices(settings.Budget);
        _settings = settings;
        _models = settings.Pool.Models.ToDictionary(model => model.Name, model => new PooledModel(model, settings.OpenLocal, settings.Seed, settings.Clock), StringComparer.Ordinal);
        _journal = new(settings.Journal, settings.Budget.RetryFailed);
        _budget = new(settings.Budget, _journal.Spent);
        _tally = new(_journal.Spent, settings.Observer);
    }

    /// <summary>Entries that the journal had when it was opened.</summary>
    public int Found => _journal.Found;

    /// <summary>What the calls that were asked so far came to, by role and model in ordinal order; one that the journal had counts as when it was made.</summary>
    public IReadOnlyList<ModelUsage> Usage => _tally.ByModel;

    /// <inheritdoc/>
    public Task<CallAnswer> Ask(ModelCall question, CancellationToken cancellation)
    {
        var model = _models[question.Model];
        var key = CallKey.Of(question, model.Model, model.Identity);
        return _underWay.GetOrAdd(key, _ => new(() => Once(question, key, model, cancellation))).Value;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _journal.DisposeAsync();
        foreach (var model in _models.Values) model.Dispose();
        _ending.Dispose();
    }

    private async Task<CallAnswer> Once(ModelCall call, UInt128 key, PooledModel model, CancellationToken cancellation)
    {
        try
        {
            if (_journal.Find(key) is { } known)
            {
                _tally.Replay(call.Role, known);
                return known.Answer;
            }
            return await Make(call, key, model, cancellation);
        }
        finally
        {
            // What was answered is in the journal by now: whoever asks later finds it there.
            _underWay.TryRemove(key, out _);
        }
    }

    private async Task<CallAnswer> Make(ModelCall call, UInt128 key, PooledModel model, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _ending.Token);
        try
        {
            var record = await Send(call, key, model, stop.Token);
            // Outside its place: the next call need not wait for the disk.
            await _journal.Add(record);
            _tally.End(call.Role, record);
            CheckRow(model, record.Answer);
            return record.Answer;
        }
        catch (RunFailedException failure)
        {
            End(failure);
            throw;
        }
        catch (OperationCanceledException) when (_ended is not null && !cancellation.IsCancellationRequested)
        {
            throw _ended;
        }
    }

    private async Task<JournalRecord> Send(ModelCall call, UInt128 key, PooledModel model, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        using var place = await model.Enter(stop);
        var (read, written) = (TokenEstimate.AtMost(call.Messages), call.Options.MaxNewTokens);
        var most = new CallUsage(1, 0, read, written, model.Model.CostOf(read, written));
        await _budget.Reserve(most, stop);
        var spent = CallUsage.None;
        _tally.Begin();
        try
        {
            var answer = await model.Ask(call, key, place, stop);
            var record = new JournalRecord(key, call.Purpose, call.Model, answer, model.Model.CostOf(answer.PromptTokens, answer.CompletionTokens));
            spent = CallUsage.Of(record);
            return record;
        }
        catch
        {
            _tally.GiveUp();
            throw;
        }
        finally
        {
            _budget.Settle(most, spent);
        }
    }

    /// <summary>An endpoint that is gone would have every call recorded as failed.</summary>
    private void CheckRow(PooledModel model, CallAnswer answer)
    {
        if (answer.Failure is null)
        {
            Interlocked.Exchange(ref model.FailedInARow, 0);
            return;
        }
        var failed = Interlocked.Increment(ref model.FailedInARow);
        if (_settings.Budget.StopAfterFailures == 0 || failed < _settings.Budget.StopAfterFailures) return;
        throw new RunFailedException($"{model.Model.Name}: {failed} calls failed in a row, the last with: {answer.Failure}; all answers are kept, and the same command goes on from them "
            + "(retry_failed says which failed calls it makes again; stop_after_failures: 0 never stops)");
    }

    /// <summary>What ends one call for good ends all that come after it, and those that wait; what is out is waited for.</summary>
    private void End(RunFailedException failure)
    {
        if (Interlocked.CompareExchange(ref _ended, failure, null) is null) _ending.Cancel();
    }
}
