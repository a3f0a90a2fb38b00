namespace Zephyr.Feedback.Calls;

/// <summary>Adds up calls by role and model, and tells whoever watches.</summary>
/// <param name="before">What earlier starts of the run came to.</param>
/// <param name="observer">Whom to tell.</param>
internal sealed class CallTally(CallUsage before, ICallObserver observer)
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<(string Role, string Model), CallUsage> _byModel =
        new(Comparer<(string Role, string Model)>.Create((a, b) => string.CompareOrdinal(a.Role, b.Role) is not 0 and var role ? role : string.CompareOrdinal(a.Model, b.Model)));
    private readonly HashSet<UInt128> _counted = [];
    private CallUsage _usage = CallUsage.None, _spent = before;
    private long _replayed;
    private int _underWay;

    /// <summary>The sums.</summary>
    public IReadOnlyList<ModelUsage> ByModel
    {
        get
        {
            lock (_gate) return [.. _byModel.Select(entry => new ModelUsage(entry.Key.Role, entry.Key.Model, entry.Value))];
        }
    }

    /// <summary>A call is being made.</summary>
    public void Begin()
    {
        lock (_gate) _underWay++;
    }

    /// <summary>It was given up, or ended the run.</summary>
    public void GiveUp()
    {
        lock (_gate) _underWay--;
    }

    /// <summary>It is over and in the journal.</summary>
    public void End(string role, JournalRecord record)
    {
        lock (_gate)
        {
            _underWay--;
            _spent += CallUsage.Of(record);
            Count(role, record);
        }
    }

    /// <summary>The journal had it. Asked twice, it counts once.</summary>
    public void Replay(string role, JournalRecord record)
    {
        lock (_gate)
        {
            if (_counted.Contains(record.Key)) return;
            _replayed++;
            Count(role, record);
        }
    }

    private void Count(string role, JournalRecord record)
    {
        if (!_counted.Add(record.Key)) return;
        var usage = CallUsage.Of(record);
        _usage += usage;
        _byModel[(role, record.Model)] = _byModel.GetValueOrDefault((role, record.Model), CallUsage.None) + usage;
        observer.OnCalls(new(_usage, _replayed, _underWay, _spent));
    }
}
