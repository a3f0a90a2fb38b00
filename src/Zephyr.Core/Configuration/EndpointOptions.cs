using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>One model of the file that <c>endpoints</c> names: where it answers, how much may be asked of it at a time, and what it costs.</summary>
public sealed record EndpointOptions : IOptionGroup
{
    private static readonly EndpointOptions Default = new();

    /// <summary>The address of an OpenAI-compatible endpoint.</summary>
    [ConfigKey("address of an OpenAI-compatible endpoint, with its /v1")]
    public string? BaseUrl { get; init; }

    /// <summary>The folder of a model on this machine, in place of <see cref="BaseUrl"/>.</summary>
    [ConfigKey("folder of a model on this machine, in place of base_url")]
    public string? Local { get; init; }

    /// <summary>The plain model under a local adapter, where not the one that its config names.</summary>
    [ConfigKey("with local, an adapter folder: the plain model under it, where not the one that its adapter_config.json names")]
    public string? Base { get; init; }

    /// <summary>Where a local model goes.</summary>
    [ConfigKey("with local: auto, cpu, cuda or cuda:N")]
    public string Device { get; init; } = "auto";

    /// <summary>Data type of a local model's weights.</summary>
    [ConfigKey("with local: float32, bfloat16, or auto: bfloat16 on a GPU that computes in it, float32 elsewhere")]
    public string Dtype { get; init; } = "auto";

    /// <summary>The linear maps of a local model's layers are held in 4 bits.</summary>
    [ConfigKey("with local: hold the linear maps of the layers in 4 bits (NF4), an adapter beside them as in training with this key", Name = "load_in_4bit")]
    public bool LoadIn4Bit { get; init; }

    /// <summary>Double quantization of these.</summary>
    [ConfigKey("with load_in_4bit: hold the factors of the blocks in 8 bits too (double quantization)")]
    public bool UseBnbNestedQuant { get; init; }

    /// <summary>An empty system turn goes before a conversation that has none.</summary>
    [ConfigKey("with local: put an empty system turn before conversations that have none, as a model was trained whose recipe had this key (the zephyr-7b ones)")]
    public bool AutoInsertEmptySystemMsg { get; init; }

    /// <summary>What the endpoint calls the model.</summary>
    [ConfigKey("what the endpoint calls the model; null for the name of this entry")]
    public string? Model { get; init; }

    /// <summary>The environment variable that holds the key. The key itself stands in no file.</summary>
    [ConfigKey("name of the environment variable that holds the key, never the key; null where none is asked for")]
    public string? ApiKeyEnv { get; init; }

    /// <summary>Calls under way at a time; for a local model, the rows of a batch.</summary>
    [ConfigKey("most calls under way at a time; for a local model, the rows of a batch")]
    public int MaxConcurrency { get; init; } = 16;

    /// <summary>The most tokens whose keys and values a local model holds at a time; 0 for what 4 GiB hold.</summary>
    [ConfigKey("with local: most tokens whose keys and values are held at a time, over all answers; 0 for what 4 GiB hold, or less where a GPU has less")]
    public int MaxCacheTokens { get; init; }

    /// <summary>Requests a minute, evenly spaced; 0 for no limit.</summary>
    [ConfigKey("requests a minute, evenly spaced; 0 for no limit")]
    public double RequestsPerMinute { get; init; }

    /// <summary>Tokens a minute, prompt and answer together; 0 for no limit.</summary>
    [ConfigKey("tokens a minute, prompt (estimated) and most tokens of the answer together; 0 for no limit")]
    public double TokensPerMinute { get; init; }

    /// <summary>Seconds that one attempt may take.</summary>
    [ConfigKey("seconds that one attempt may take")]
    public double Timeout { get; init; } = 300;

    /// <summary>How often a call is sent again after a failure that may pass.</summary>
    [ConfigKey("how often a call is sent again after a failure that may pass")]
    public int MaxRetries { get; init; } = 5;

    /// <summary>Price of a million tokens read, in the currency of <c>max_cost</c>.</summary>
    [ConfigKey("price of a million tokens read, in the currency of max_cost")]
    public double PricePerMillionPromptTokens { get; init; }

    /// <summary>Price of a million tokens written, in the currency of <c>max_cost</c>.</summary>
    [ConfigKey("price of a million tokens written, in the currency of max_cost")]
    public double PricePerMillionCompletionTokens { get; init; }

    /// <summary>The endpoint holds answers to a JSON Schema (response_format).</summary>
    [ConfigKey("whether it holds answers to a JSON Schema (response_format: json_schema)")]
    public bool SupportsJsonSchema { get; init; }

    /// <summary>The endpoint takes a seed.</summary>
    [ConfigKey("whether it takes a seed")]
    public bool SupportsSeed { get; init; } = true;

    /// <summary>The field that bounds an answer: max_tokens, which compatible servers know, or max_completion_tokens, which OpenAI's newer models demand.</summary>
    [ConfigKey("field that bounds an answer: max_tokens, max_completion_tokens; null for the second at api.openai.com and the first elsewhere")]
    public string? MaxTokensField { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. Place(), .. OfLocal(),
        .. ApiKeyEnv is null ? [] : Matches("api_key_env", ApiKeyEnv, @"^[A-Za-z_][A-Za-z0-9_]*\z", "the name of an environment variable")
            .Select(problem => problem with { Message = "must be the name of an environment variable, not a key" }),
        .. AtLeast("max_concurrency", MaxConcurrency, 1),
        .. AtLeast("max_cache_tokens", MaxCacheTokens, 0),
        .. AtLeast("requests_per_minute", RequestsPerMinute, 0),
        .. AtLeast("tokens_per_minute", TokensPerMinute, 0),
        .. Positive("timeout", Timeout),
        .. InRange("max_retries", MaxRetries, 0, 100),
        .. AtLeast("price_per_million_prompt_tokens", PricePerMillionPromptTokens, 0),
        .. AtLeast("price_per_million_completion_tokens", PricePerMillionCompletionTokens, 0),
        .. MaxTokensField is null ? [] : OneOf("max_tokens_field", MaxTokensField, "max_tokens", "max_completion_tokens"),
    ];

    private IEnumerable<ConfigProblem> Place()
    {
        if (Local is not null && BaseUrl is not null) yield return new("local", "stands in place of base_url, which is given too: give one of them");
        else if (Local is null && BaseUrl is null) yield return new("base_url", "is required, or local for a model on this machine");
        else if (BaseUrl is not null && ProblemOf(BaseUrl) is { } problem) yield return new("base_url", problem);
        if (Local is not null && SupportsJsonSchema) yield return new("supports_json_schema", "cannot be true of a local model, which cannot be held to a form");
    }

    /// <summary>What says how a model on this machine is loaded.</summary>
    private IEnumerable<ConfigProblem> OfLocal()
    {
        if (Local is not null) return [.. LoadOptions.CheckHeld(Device, Dtype, LoadIn4Bit, UseBnbNestedQuant), .. OfEndpoint()];
        return new[] { ("base", Base is not null), ("device", Device != "auto"), ("dtype", Dtype != "auto"), ("load_in_4bit", LoadIn4Bit), ("use_bnb_nested_quant", UseBnbNestedQuant), ("auto_insert_empty_system_msg", AutoInsertEmptySystemMsg), ("max_cache_tokens", MaxCacheTokens != 0) }
            .Where(key => key.Item2).Select(key => new ConfigProblem(key.Item1, "says how a model on this machine is loaded or asked and has no meaning for an endpoint: it goes with local"));
    }

    /// <summary>What says how an address is asked.</summary>
    private IEnumerable<ConfigProblem> OfEndpoint() => new[]
    {
        ("api_key_env", ApiKeyEnv is not null), ("requests_per_minute", RequestsPerMinute > 0), ("tokens_per_minute", TokensPerMinute > 0), ("timeout", Timeout != Default.Timeout),
        ("max_retries", MaxRetries != Default.MaxRetries), ("supports_seed", !SupportsSeed), ("max_tokens_field", MaxTokensField is not null),
    }.Where(key => key.Item2).Select(key => new ConfigProblem(key.Item1, "says how an endpoint is asked and has no meaning for a local model: it goes with base_url"));

    /// <summary>How a local model is loaded. A method: a property would be a group of keys.</summary>
    public LoadOptions ToLoading() => new() { Device = Device, Dtype = Dtype, LoadIn4Bit = LoadIn4Bit, UseBnbNestedQuant = UseBnbNestedQuant };

    /// <summary>What is wrong with an address; null for nothing. It is not quoted where it may hold a password.</summary>
    public static string? ProblemOf(string address)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
            return "must be an address that begins with http:// or https://";
        if (uri.UserInfo.Length > 0) return "holds a user or password: name the environment variable that holds the key in api_key_env";
        return uri.Query.Length > 0 || uri.Fragment.Length > 0 ? "must be an address without ? and #" : null;
    }
}
