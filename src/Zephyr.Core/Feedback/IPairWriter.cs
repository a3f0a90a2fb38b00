namespace Zephyr.Feedback;

/// <summary>
/// A file of pairs in ultrafeedback_binarized's columns (prompt, prompt_id, chosen, rejected, messages, score_chosen,
/// score_rejected) and two of our own, model_chosen and model_rejected. The same pairs give the same bytes.
/// </summary>
public interface IPairWriter : IDisposable
{
    /// <summary>Adds a pair.</summary>
    void Add(ScoredPair pair);

    /// <summary>Writes what is left. A file that is disposed without it is not whole.</summary>
    void Complete();
}
