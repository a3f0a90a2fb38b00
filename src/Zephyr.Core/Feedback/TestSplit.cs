using Zephyr.Data;

namespace Zephyr.Feedback;

/// <summary>Which prompts' pairs are for testing: <see cref="PromptSplit"/> over the prompts that have a pair.</summary>
public sealed class TestSplit
{
    private readonly PromptSplit _split;

    private TestSplit(PromptSplit split) => _split = split;

    /// <inheritdoc cref="PromptSplit.Choose"/>
    public static TestSplit Choose(IEnumerable<long> prompts, double fraction, long seed) => new(PromptSplit.Choose(prompts, fraction, seed));

    /// <summary>Whether the pairs of this prompt are for testing.</summary>
    public bool Holds(string prompt) => _split.Holds(prompt);
}
