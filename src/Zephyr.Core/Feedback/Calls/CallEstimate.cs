using Microsoft.Win32.SafeHandles;
using Zephyr.Configuration;

namespace Zephyr.Feedback.Calls;

/// <summary>What calls to one model in one role would come to.</summary>
/// <param name="Role">generate, judge.</param>
/// <param name="Model">Its name in the pool.</param>
/// <param name="Answered">Calls that the journal has: they cost nothing more.</param>
/// <param name="Ahead">The calls that would be made: prompt tokens as estimated from the length of the texts, completion tokens and cost at most.</param>
public sealed record ModelEstimate(string Role, string Model, long Answered, CallUsage Ahead);

/// <summary>Adds up what calls would come to, without making any. An answer that the journal has is looked up there.</summary>
internal sealed class CallEstimate : IDisposable
{
    private readonly SortedDictionary<(string Role, string Model), ModelEstimate> _models = [];
    private readonly Dictionary<string, string> _identities;
    private readonly HashSet<UInt128> _counted = [];
    private readonly JournalIndex _index;
    private readonly SafeFileHandle? _file;
    private readonly ModelPool _pool;

    /// <param name="pool">The models.</param>
    /// <param name="budget">Says which failed calls are made again.</param>
    /// <param name="journal">The journal's file; there need be none, and none is made.</param>
    public CallEstimate(ModelPool pool, BudgetOptions budget, string journal)
    {
        pool.RequirePrices(budget);
        (_pool, _index) = (pool, new(budget.RetryFailed));
        _identities = pool.Models.ToDictionary(model => model.Name, LocalContent.IdentityOf, StringComparer.Ordinal);
        if (!File.Exists(journal)) return;
        JournalFile.Scan(journal, _index.Take);
        _file = File.OpenHandle(journal);
    }

    /// <summary>The sums so far, by role and model.</summary>
    public IReadOnlyList<ModelEstimate> Models => [.. _models.Values];

    /// <summary>What earlier starts of the run have paid for.</summary>
    public CallUsage Spent => _index.Spent;

    /// <summary>Counts a call.</summary>
    /// <returns>What became of it in an earlier start; null where it would be made.</returns>
    public CallAnswer? Add(ModelCall call)
    {
        var key = CallKey.Of(call, _pool[call.Model], _identities[call.Model]);
        var known = _file is null ? null : _index.Find(key, _file);
        if (!_counted.Add(key)) return known?.Answer;
        var place = (call.Role, call.Model);
        var sum = _models.GetValueOrDefault(place) ?? new(call.Role, call.Model, 0, CallUsage.None);
        var (read, written) = (TokenEstimate.Likely(call.Messages), call.Options.MaxNewTokens);
        _models[place] = known is null ? sum with { Ahead = sum.Ahead + new CallUsage(1, 0, read, written, _pool[call.Model].CostOf(read, written)) } : sum with { Answered = sum.Answered + 1 };
        return known?.Answer;
    }

    public void Dispose() => _file?.Dispose();
}
