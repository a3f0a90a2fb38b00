using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>A model that may be asked.</summary>
/// <param name="Name">Its name in the pool, in rows and in tables.</param>
/// <param name="Options">Where it answers, its limits and its prices.</param>
public sealed record PoolModel(string Name, EndpointOptions Options)
{
    /// <summary>Its name says which folder it is in (local:DIR), and no more: what it is, its content says.</summary>
    public bool IsNamedByFolder { get; init; }

    /// <summary>Whether anything is asked for its answers.</summary>
    public bool HasPrice => Options.PricePerMillionPromptTokens > 0 || Options.PricePerMillionCompletionTokens > 0;

    /// <summary>Whether it runs on this machine, in this process.</summary>
    public bool IsLocal => Options.Local is not null;

    /// <summary>What a number of tokens costs, exactly: sums of it do not depend on their order.</summary>
    /// <param name="prompt">Tokens read.</param>
    /// <param name="completion">Tokens written.</param>
    public decimal CostOf(long prompt, long completion) =>
        (prompt * (decimal)Options.PricePerMillionPromptTokens + completion * (decimal)Options.PricePerMillionCompletionTokens) / 1_000_000;
}

/// <summary>
/// The models of a run by name: entries of the file that <c>endpoints</c> names, <c>local:DIR</c> for a model on this machine, or
/// <c>http://127.0.0.1:8080/v1#model</c> for an endpoint that asks for no key.
/// </summary>
public sealed class ModelPool
{
    private const string LocalPrefix = "local:";

    private readonly Dictionary<string, PoolModel> _models = new(StringComparer.Ordinal);

    private ModelPool(IEnumerable<PoolModel> models)
    {
        foreach (var model in models) _models.TryAdd(model.Name, model);
    }

    /// <summary>The models, each once, in the order in which they were first named.</summary>
    public IReadOnlyCollection<PoolModel> Models => _models.Values;

    /// <summary>A sentence for each model whose key is not there: a run needs it, a rehearsal does not.</summary>
    public IEnumerable<string> MissingKeys => Models
        .Where(model => model.Options.ApiKeyEnv is { } variable && string.IsNullOrWhiteSpace(Environment.GetEnvironmentVariable(variable)))
        .Select(model => $"{model.Name}: the environment variable {model.Options.ApiKeyEnv} is not set or empty: the run needs it");

    /// <summary>Money can be counted where models have prices only.</summary>
    /// <exception cref="UserErrorException">max_cost is given, and a model that asks for a key has no price, or none has one.</exception>
    public void RequirePrices(BudgetOptions budget)
    {
        ArgumentNullException.ThrowIfNull(budget);
        if (budget.MaxCost <= 0) return;
        const string expected = "expected price_per_million_prompt_tokens and price_per_million_completion_tokens in endpoints, or max_calls or max_tokens_total in place of max_cost";
        if (Models.FirstOrDefault(model => model.Options.ApiKeyEnv is not null && !model.HasPrice) is { } unpriced) throw new UserErrorException($"max_cost: {unpriced.Name} has no price, {expected}");
        if (!Models.Any(model => model.HasPrice)) throw new UserErrorException($"max_cost: none of the models has a price, {expected}");
    }

    /// <summary>The model of a name.</summary>
    /// <exception cref="KeyNotFoundException">The pool was made without it.</exception>
    public PoolModel this[string name] => _models[name];

    /// <summary>Calls that all of them together take at a time.</summary>
    public int Concurrency => _models.Values.Sum(model => model.Options.MaxConcurrency);

    /// <summary>Finds models by name.</summary>
    /// <param name="named">The key that names them, for messages, with the names.</param>
    /// <param name="endpoints">The file that describes them; null for none.</param>
    /// <exception cref="ConfigException">The file is wrong.</exception>
    /// <exception cref="UserErrorException">A name stands for nothing.</exception>
    public static ModelPool Of(IEnumerable<(string Key, IReadOnlyList<string> Names)> named, string? endpoints)
    {
        var known = endpoints is null ? null : EndpointFile.Read(endpoints);
        return new([.. named.SelectMany(key => key.Names.Select(name => Find(key.Key, name, known, endpoints)))]);
    }

    /// <summary>A pool of models that are at hand.</summary>
    public static ModelPool Of(params IEnumerable<PoolModel> models) => new(models);

    private static PoolModel Find(string key, string name, IReadOnlyDictionary<string, EndpointOptions>? known, string? file)
    {
        if (known?.GetValueOrDefault(name) is { } described) return Checked(key, new(name, described));
        if (name.StartsWith(LocalPrefix, StringComparison.Ordinal)) return Checked(key, new(name, new() { Local = name[LocalPrefix.Length..] }) { IsNamedByFolder = true });
        if (name.Contains("://", StringComparison.Ordinal)) return OfAddress(key, name);
        var nearest = known is null ? null : NearestName.Find(name, known.Keys);
        throw new UserErrorException($"{key}: {name} is no model of {(file is null ? "endpoints, which names no file" : $"{file} ({string.Join(", ", known!.Keys)})")}"
            + $"{(nearest is null ? "" : $"; did you mean {nearest}?")}; expected {(file is null ? "" : "one of those, ")}local:DIR or http://HOST/v1#MODEL");
    }

    private static PoolModel OfAddress(string key, string name)
    {
        if (name.Split('#') is not [var address, { Length: > 0 } model])
            throw new UserErrorException($"{key}: {Secrets.Mask(name)} names no model, expected the address and behind # what the endpoint calls the model: http://127.0.0.1:8080/v1#model");
        return EndpointOptions.ProblemOf(address) is { } problem
            ? throw new UserErrorException($"{key}: {Secrets.Mask(name)}: the address {problem}")
            : new(name, new() { BaseUrl = address, Model = model });
    }

    private static PoolModel Checked(string key, PoolModel model)
    {
        if (model.Options.Local is { } folder && !File.Exists(Path.Combine(folder, "config.json")) && !File.Exists(Path.Combine(folder, "adapter_config.json")))
            throw new UserErrorException($"{key}: {model.Name}: {(folder.Length == 0 ? "the folder" : folder)} holds no model (config.json or adapter_config.json), expected the folder of one on this machine");
        return model;
    }
}
