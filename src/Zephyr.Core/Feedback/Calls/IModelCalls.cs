using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>Who answers calls: endpoints and local models behind a journal, so that what was answered once is not asked again.</summary>
public interface IModelCalls
{
    /// <summary>
    /// Asks, or reads the answer of the same call from the journal. Many calls may be under way at a time, as many as <see cref="OrderedWork"/> starts: how many of
    /// them a model is sent is its own affair. What it returns is on the disk.
    /// </summary>
    /// <param name="question">The question.</param>
    /// <param name="cancellation">Begins no new call. One that was sent to an endpoint is still waited for and kept, as it is paid for.</param>
    /// <returns>The answer, or a failure that stands after the retries.</returns>
    /// <exception cref="RunFailedException">
    /// The budget is spent, a model refuses all calls (a wrong key, a wrong name), or the journal cannot be written: every further call says the same.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was given up, and counts as never made.</exception>
    Task<CallAnswer> Ask(ModelCall question, CancellationToken cancellation);
}
