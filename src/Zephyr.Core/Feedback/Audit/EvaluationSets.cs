using Zephyr.Configuration;
using Zephyr.Data.Cleaning;
using Zephyr.Data.Sources;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Audit;

/// <summary>The evaluation sets that prompts are looked for in.</summary>
public sealed class EvaluationSets
{
    private readonly ContaminationIndex _index;

    private EvaluationSets(ContaminationIndex index, bool drops, IReadOnlyList<string> files) => (_index, Drops, Files) = (index, drops, files);

    /// <summary>Their files.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>How many texts they hold.</summary>
    public int Texts => _index.Count;

    /// <summary>Whether a prompt that occurs in one gives no pair.</summary>
    public bool Drops { get; }

    /// <summary>Reads them; null where none is named.</summary>
    /// <exception cref="UserErrorException">A file or a row that cannot be used, or no text in any of them.</exception>
    public static EvaluationSets? Of(AuditOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Decontaminate.Count == 0) return null;
        var index = new ContaminationIndex(options.DecontaminateNgram);
        var files = DataFiles.Resolve(options.Decontaminate);
        foreach (var text in EvaluationFile.Read(files, options.DecontaminateFields)) index.Add(text);
        return index.Count > 0
            ? new(index, options.OnContaminated == "drop", files)
            : throw new UserErrorException($"decontaminate: {string.Join(", ", options.Decontaminate)}: found no text with a word in it, expected evaluation texts");
    }

    /// <summary>Whether a prompt occurs in one and therefore gives no pair.</summary>
    public bool Drop(string prompt) => Drops && Find(prompt) is not null;

    /// <summary>An evaluation text that shares a passage with a prompt; null where there is none.</summary>
    public EvaluationText? Find(string prompt) => _index.Find(prompt);
}

/// <summary>A prompt that occurs in an evaluation set.</summary>
/// <param name="PromptId">Its <c>prompt_id</c>.</param>
/// <param name="Evaluation">Where: the file's name, line or row, and field.</param>
public sealed record ContaminatedPrompt(string PromptId, string Evaluation);

/// <summary>Prompts that occur in evaluation sets.</summary>
/// <param name="EvaluationTexts">Texts of the sets.</param>
/// <param name="Prompts">Rows whose prompt shares a passage with one of them.</param>
/// <param name="First">The first of them by id, 20 at most.</param>
public sealed record ContaminationRecord(int EvaluationTexts, int Prompts, IReadOnlyList<ContaminatedPrompt> First);
