using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using static Zephyr.Configuration.Check;

namespace Zephyr.Cli.Commands;

/// <summary>What eval perplexity and eval preferences are both told.</summary>
internal abstract record HeldOutOptions : IOptionGroup
{
    [ConfigKey("model folder: config.json, *.safetensors, tokenizer.model; or an adapter folder", Required = true)]
    public string Model { get; init; } = "";

    [ConfigKey("with adapter folders: the plain model under them, where not the one that their adapter_config.json names")]
    public string? Base { get; init; }

    [ConfigKey("column by which the figures are told apart too: source, category, ...")]
    public string? By { get; init; }

    [ConfigKey("file that receives a line of JSON for each row")]
    public string? Rows { get; init; }

    [ConfigKey("file that receives the figures as JSON, beside the table")]
    public string? Report { get; init; }

    [ConfigKey("what a row that cannot be used does: fail (ends the command) or skip (left out and counted)")]
    public string OnBadRow { get; init; } = "fail";

    [ConfigKey("insert an empty system turn where a conversation has none")]
    public bool AutoInsertEmptySystemMsg { get; init; }

    [ConfigKey("rows in a forward pass")]
    public int BatchSize { get; init; } = 8;

    [ConfigKey("samples of the bootstrap for the 95 % intervals")]
    public int BootstrapSamples { get; init; } = 2000;

    [ConfigKey("seed of the bootstrap")]
    public long Seed { get; init; } = 42;

    [ConfigKey("one JSON document instead of a table")]
    public bool Json { get; init; }

    public LoadOptions Loading { get; init; } = LoadOptions.Exact;

    public virtual IEnumerable<ConfigProblem> Validate() =>
    [
        .. OneOf("on_bad_row", OnBadRow, "fail", "skip"), .. AtLeast("batch_size", BatchSize, 1), .. AtLeast("bootstrap_samples", BootstrapSamples, 10),
    ];

    /// <summary>Refuses what would be found out only when all is computed.</summary>
    /// <exception cref="UserErrorException">A file for results cannot be.</exception>
    public void RequireFolders()
    {
        JsonResult.RequireFolderOf("rows", Rows);
        JsonResult.RequireFolderOf("report", Report);
    }

    /// <summary>For the library.</summary>
    public HeldOutSettings Settings() => new(Model, Loading, BatchSize, new() { AutoInsertEmptySystemMsg = AutoInsertEmptySystemMsg, OnBadRow = OnBadRow }) { Base = Base };
}
