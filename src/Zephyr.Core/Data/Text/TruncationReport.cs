namespace Zephyr.Data.Text;

/// <summary>How often pairs had to be cut to fit. Not for use from several threads.</summary>
public sealed class TruncationReport
{
    /// <summary>Pairs tokenized, cut or not.</summary>
    public int Pairs { get; internal set; }

    /// <summary>Pairs whose prompt was cut to max_prompt_length.</summary>
    public int PromptsCut { get; internal set; }

    /// <summary>Pairs whose chosen answer was cut; it has no <c>&lt;/s&gt;</c> to learn from.</summary>
    public int ChosenCut { get; internal set; }

    /// <summary>Pairs whose rejected answer was cut; it has no <c>&lt;/s&gt;</c> to learn from.</summary>
    public int RejectedCut { get; internal set; }

    /// <summary>Tokens left out in all.</summary>
    public long TokensCut { get; internal set; }
}
