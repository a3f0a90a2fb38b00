using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>Which rows are cleaned, and by which rules (section 4 of the paper: UltraChat).</summary>
public sealed record CleanOptions : IOptionGroup
{
    /// <summary>Rows to clean: files, folders or globs.</summary>
    [ConfigKey("rows to clean, of any kind that sft or dpo reads: a file, folder or glob, or a list of them (.parquet, .jsonl, .jsonl.gz, .jsonl.zst)", Required = true)]
    public IReadOnlyList<string> Dataset { get; init; } = [];

    /// <summary>Put casing right that is wrong by itself or against how the corpus writes its words.</summary>
    [ConfigKey("put wrong casing right: sentences that begin in lower case, turns all in lower case, in capitals or in Title Case, judged by the corpus' own statistics")]
    public bool Truecase { get; init; } = true;

    /// <summary>Statistics that an earlier run wrote; the rows' own when null.</summary>
    [ConfigKey("casing.tsv of an earlier run, to judge these rows by another corpus' statistics; their own when not given")]
    public string? CasingStatistics { get; init; }

    /// <summary>Leave out dialogues with an answer that says it has no feelings, opinions or experiences: in its first two sentences, anywhere, or not at all.</summary>
    [ConfigKey("leave out dialogues with an answer that says it has no feelings, opinions or experiences: in its first two sentences (preface), anywhere, none")]
    public string DropDisclaimers { get; init; } = "preface";

    /// <summary>Evaluation sets that no row may share a passage with: files, folders or globs.</summary>
    [ConfigKey("evaluation sets: rows that share a passage with one are left out; a file, folder or glob, or a list of them")]
    public IReadOnlyList<string> Decontaminate { get; init; } = [];

    /// <summary>Columns of the evaluation sets that hold their texts; the usual names when empty.</summary>
    [ConfigKey("columns of the evaluation sets that hold their texts; the usual ones (turns, instruction, prompt, question, ...) when not given")]
    public IReadOnlyList<string> DecontaminateFields { get; init; } = [];

    /// <summary>Words in a row that make a passage.</summary>
    [ConfigKey("how many words in a row are a passage")]
    public int DecontaminateNgram { get; init; } = 13;

    /// <summary>Columns that are not written.</summary>
    [ConfigKey("columns that are not read and not written; all others are kept")]
    public IReadOnlyList<string> DropColumns { get; init; } = [];

    /// <summary>parquet, jsonl or both.</summary>
    [ConfigKey("what to write: parquet, jsonl, or a list of both")]
    public IReadOnlyList<string> Formats { get; init; } = ["parquet"];

    /// <summary>How many examples of each rule the report shows.</summary>
    [ConfigKey("how many rows of each rule the report shows before and after")]
    public int Samples { get; init; } = 5;

    /// <summary>What a row that cannot be used does.</summary>
    [ConfigKey("what a row that cannot be used does: fail (ends the run) or skip (left out and counted)")]
    public string OnBadRow { get; init; } = "fail";

    /// <summary>Threads that work; 0 for one a core. The result is the same for any number.</summary>
    [ConfigKey("threads that read and judge rows; 0 for one a core; same result for any number")]
    public int DatasetNumProc { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. NamedOnce("dataset", Dataset),
        .. OneOf("drop_disclaimers", DropDisclaimers, "preface", "anywhere", "none"),
        .. !Truecase && CasingStatistics is not null ? [new ConfigProblem("casing_statistics", "belongs to truecase, which is false")] : Array.Empty<ConfigProblem>(),
        .. Decontaminate.Count == 0 && DecontaminateFields.Count > 0 ? [new ConfigProblem("decontaminate_fields", "belongs to decontaminate, which is not given")] : Array.Empty<ConfigProblem>(),
        .. AtLeast("decontaminate_ngram", DecontaminateNgram, 3),
        .. Formats.SelectMany(format => OneOf("formats", format, "parquet", "jsonl")),
        .. Formats.Count == 0 ? [new ConfigProblem("formats", "must name parquet, jsonl or both (was empty)")] : Array.Empty<ConfigProblem>(),
        .. AtLeast("samples", Samples, 0),
        .. OneOf("on_bad_row", OnBadRow, "fail", "skip"),
        .. AtLeast("dataset_num_proc", DatasetNumProc, 0),
    ];
}
