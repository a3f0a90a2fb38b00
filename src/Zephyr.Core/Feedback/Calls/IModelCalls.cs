using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>Who answers calls: endpoints and local models behind a journal, so that what was answered once is not asked again.</summary>
public interface IModelCalls
{
    /// <summary>Asks, or reads the answer of the same call from the journal.</summary>
    /// <param name="question">The question.</param>
    /// <param name="cancellation">Gives the call up; it counts as never made.</param>
    /// <returns>The answer, or a failure that stands after the retries. Many calls may be under way at a time.</returns>
    /// <exception cref="RunFailedException">The budget is spent, or the journal cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    Task<CallAnswer> Ask(ModelCall question, CancellationToken cancellation);
}
