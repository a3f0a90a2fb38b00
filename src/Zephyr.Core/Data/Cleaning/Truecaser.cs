namespace Zephyr.Data.Cleaning;

/// <summary>What was wrong with a turn's casing.</summary>
[Flags]
public enum CasingFault
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>A sentence begins with a small letter.</summary>
    SentenceStart = 1,

    /// <summary>The whole turn is in lower case.</summary>
    AllLower = 2,

    /// <summary>The whole turn is in capitals.</summary>
    AllUpper = 4,

    /// <summary>Every word of the turn begins with a capital.</summary>
    AllTitle = 8,

    /// <summary>Words that the corpus writes small have capitals inside sentences.</summary>
    MidSentence = 16,

    /// <summary>"i" for "I".</summary>
    Pronoun = 32,
}

/// <summary>
/// Puts wrong casing right: the paper found some 5 % of UltraChat's rows with sentences that begin in lower case. A turn is changed only where its casing is wrong by itself or
/// against the statistics of its corpus; what is no prose is never touched (<see cref="ProseReader"/>). A pure function of the text and the statistics, and idempotent.
/// </summary>
/// <param name="statistics">How the corpus writes its words. Only read.</param>
public sealed class Truecaser(CasingStatistics statistics)
{
    private const int MostSteps = 4;

    /// <summary>The text with its casing put right, and what was wrong; the same text where nothing was.</summary>
    public (string Text, CasingFault Faults) Apply(string text)
    {
        var (current, faults) = (text, CasingFault.None);
        for (var step = 0; step < MostSteps; step++)
        {
            var (next, found) = new TurnRewriting(current, statistics).Run();
            if (next == current) return (current, faults);
            (current, faults) = (next, faults | found);
        }
        // What does not come to rest is left as it was: applying it again would change it again.
        return (text, CasingFault.None);
    }
}
