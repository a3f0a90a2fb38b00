namespace Zephyr.Configuration;

/// <summary>Where a run writes, and its seed.</summary>
public sealed record RunOptions : IOptionGroup
{
    /// <summary>The folder that receives everything the run writes.</summary>
    [ConfigKey("folder that receives everything the run writes", Required = true)]
    public string OutputDir { get; init; } = "";

    /// <summary>Start over in a folder that already holds a run.</summary>
    [ConfigKey("start over in a folder that already holds a run")]
    public bool OverwriteOutputDir { get; init; }

    /// <summary>Seed of every random choice.</summary>
    [ConfigKey("seed of every random choice")]
    public long Seed { get; init; } = 42;

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() => [];
}
