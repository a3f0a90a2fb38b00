namespace Zephyr.Feedback.Calls;

/// <summary>How far the calls of a run are.</summary>
/// <param name="Usage">What was asked so far in this run, answers from the journal among it.</param>
/// <param name="Replayed">Of those, answers that the journal had.</param>
/// <param name="UnderWay">Calls that are being made.</param>
/// <param name="Spent">What all starts of the run have paid for.</param>
public sealed record CallCounts(CallUsage Usage, long Replayed, int UnderWay, CallUsage Spent);

/// <summary>Who watches calls. Told by one thread at a time.</summary>
public interface ICallObserver
{
    /// <summary>After every call.</summary>
    void OnCalls(CallCounts counts) { }

    /// <summary>After every item that calls are made for.</summary>
    /// <param name="what">What they are, in the plural: "prompts".</param>
    /// <param name="done">How many are done.</param>
    /// <param name="total">Out of how many; null where that is not known yet.</param>
    void OnItems(string what, long done, long? total) { }

    /// <summary>Something worth a line.</summary>
    void OnNote(string text) { }
}

/// <summary>Watches and says nothing.</summary>
public sealed class SilentCalls : ICallObserver
{
    /// <summary>The one there needs to be.</summary>
    public static SilentCalls Instance { get; } = new();
}
