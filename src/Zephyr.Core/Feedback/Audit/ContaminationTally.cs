using Zephyr.Data.Cleaning;

namespace Zephyr.Feedback.Audit;

/// <summary>Counts prompts that occur in evaluation sets and names the first ones, by id so that the order of the rows does not matter.</summary>
internal sealed class ContaminationTally
{
    private const int Named = 20;
    private readonly SortedDictionary<string, string> _first = new(StringComparer.Ordinal);
    private int _prompts;

    public void Add(string prompt, EvaluationText found)
    {
        _prompts++;
        // File names, not paths: audit.json is the same wherever the files lie.
        var location = found.Location with { File = Path.GetFileName(found.Location.File) };
        _first[PromptId.Of(prompt)] = $"{location}, {found.Field}";
        if (_first.Count > Named) _first.Remove(_first.Keys.Last());
    }

    public ContaminationRecord ToRecord(EvaluationSets sets) => new(sets.Texts, _prompts, [.. _first.Select(entry => new ContaminatedPrompt(entry.Key, entry.Value))]);
}
