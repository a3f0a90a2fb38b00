using Zephyr.Configuration;

namespace Zephyr.Feedback.Audit;

/// <summary>
/// Which rows say the same, or nearly the same, as an earlier one (<c>on_near_duplicates: drop</c>). Of each group of the audit the first row stays, in the order of the rows; one that
/// gives no pair for its prompt's own sake, as it occurs in an evaluation set, takes no other one's place. How many stay does not depend on the order, which ones does.
/// </summary>
internal sealed class DuplicateDrops
{
    private readonly HashSet<int> _rows = [];

    private DuplicateDrops()
    {
    }

    /// <summary>Looks through all rows; null where none is to be dropped.</summary>
    /// <param name="options">From when on two prompts are near-duplicates, and what becomes of them.</param>
    /// <param name="evaluation">Evaluation sets that prompts are looked for in; null for none.</param>
    /// <param name="prompts">The prompts of all rows, in order; read once, and not at all where none is to be dropped.</param>
    public static DuplicateDrops? Of(AuditOptions options, EvaluationSets? evaluation, IEnumerable<string> prompts)
    {
        if (options.OnNearDuplicates != "drop") return null;
        using var duplicates = new PromptDuplicates(options.NearDuplicates);
        var numbers = new List<int>();
        foreach (var prompt in prompts)
        {
            var number = duplicates.Add(prompt);
            numbers.Add(evaluation?.Drop(prompt) == true ? -1 : number);
        }
        var (drops, groups, taken) = (new DuplicateDrops(), duplicates.Groups(), new HashSet<int>());
        for (var row = 0; row < numbers.Count; row++)
            if (numbers[row] >= 0 && !taken.Add(groups[numbers[row]])) drops._rows.Add(row);
        return drops;
    }

    /// <summary>Whether a row, counted from 0, is left out.</summary>
    public bool Holds(int row) => _rows.Contains(row);
}
