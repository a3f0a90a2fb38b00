namespace Zephyr.Feedback.Calls.Endpoints;

/// <summary>What a failed attempt means.</summary>
internal enum FailureKind
{
    /// <summary>It may pass: sent again.</summary>
    Passing,

    /// <summary>This call will never be answered: a prompt that is too long.</summary>
    Final,

    /// <summary>The endpoint has forbidden the call: this one, or, where it has answered none yet, all.</summary>
    Forbidden,

    /// <summary>No call will be answered: a wrong key, a wrong name, no money left.</summary>
    Everything,
}

/// <summary>An attempt that brought no answer.</summary>
/// <param name="kind">What follows from it.</param>
/// <param name="reason">Why, in words that may be written down: no key is in them.</param>
/// <param name="wait">How long the endpoint asks to be left alone; null where it does not.</param>
internal sealed class AttemptFailedException(FailureKind kind, string reason, TimeSpan? wait = null) : Exception(reason)
{
    public FailureKind Kind { get; } = kind;

    public TimeSpan? Wait { get; } = wait;
}
