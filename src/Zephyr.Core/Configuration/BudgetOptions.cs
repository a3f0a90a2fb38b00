using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>The models that are asked, what asking them may cost, and what a failed call does.</summary>
public sealed record BudgetOptions : IOptionGroup
{
    /// <summary>The file that describes models by name (<see cref="EndpointOptions"/>).</summary>
    [ConfigKey("YAML file that describes the models by name: base_url, api_key_env, prices, limits; not needed for local:DIR and http://HOST/v1#MODEL")]
    public string? Endpoints { get; init; }

    /// <summary>The most calls in all, over every start of the run; 0 for no limit.</summary>
    [ConfigKey("most calls, over every start of the run; 0 for no limit")]
    public long MaxCalls { get; init; }

    /// <summary>The most tokens, read and written, over every start of the run; 0 for no limit.</summary>
    [ConfigKey("most tokens read and written, over every start of the run; 0 for no limit")]
    public long MaxTokensTotal { get; init; }

    /// <summary>The most money by the prices in <see cref="Endpoints"/>, over every start of the run; 0 for no limit.</summary>
    [ConfigKey("most money by the prices in endpoints, over every start of the run; 0 for no limit")]
    public double MaxCost { get; init; }

    /// <summary>Which failed calls of an earlier start are made again: transient (429, 5xx, timeouts, broken answers), all, none.</summary>
    [ConfigKey("failed calls of an earlier start that are made again: transient (429, 5xx, timeouts, broken answers), all, none")]
    public string RetryFailed { get; init; } = "transient";

    /// <summary>Calls to one model that may fail in a row before the run stops; 0 for any number.</summary>
    [ConfigKey("stop the run when this many calls to one model fail in a row; 0 for never")]
    public int StopAfterFailures { get; init; } = 20;

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. AtLeast("max_calls", MaxCalls, 0),
        .. AtLeast("max_tokens_total", MaxTokensTotal, 0),
        .. AtLeast("max_cost", MaxCost, 0),
        .. OneOf("retry_failed", RetryFailed, "transient", "all", "none"),
        .. AtLeast("stop_after_failures", StopAfterFailures, 0),
    ];
}
