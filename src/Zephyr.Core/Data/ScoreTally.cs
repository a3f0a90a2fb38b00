namespace Zephyr.Data;

/// <summary>Counts pairs whose two answers have the same score. Where that is so throughout, whoever scored them saw no difference, or one column was written twice.</summary>
internal sealed class ScoreTally
{
    private long _scored, _equal;

    /// <summary>Counts a pair and gives it back.</summary>
    public PreferencePair Count(PreferencePair pair)
    {
        if (pair.EqualScores is { } equal)
        {
            _scored++;
            if (equal) _equal++;
        }
        return pair;
    }

    /// <summary>A sentence where all scores are equal; null otherwise.</summary>
    /// <param name="what">training or held-out.</param>
    public string? Describe(string what) => _scored > 1 && _equal == _scored
        ? $"{what} data: score_chosen equals score_rejected in all {_scored} pairs that have both: the preference may have been lost on the way"
        : null;
}
