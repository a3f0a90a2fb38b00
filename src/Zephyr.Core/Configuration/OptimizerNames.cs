namespace Zephyr.Configuration;

/// <summary>The formula behind a name of <c>optim</c>.</summary>
internal enum OptimizerKind
{
    /// <summary>AdamW.</summary>
    AdamW,

    /// <summary>RMSprop.</summary>
    RmsProp,
}

/// <summary>transformers' names of optimizers: which formula each is here, and what a name promises that does not apply.</summary>
internal static class OptimizerNames
{
    private const string Unpaged = "its moments stay on the device: nothing is paged (optim_state_device: host keeps them in host memory)";

    private static readonly OrderedDictionary<string, (OptimizerKind Kind, string? Note)> All = new()
    {
        ["adamw_torch"] = (OptimizerKind.AdamW, null),
        ["adamw_torch_fused"] = (OptimizerKind.AdamW, null),
        ["adamw_hf"] = (OptimizerKind.AdamW, "decay and epsilon enter as torch has them"),
        ["paged_adamw"] = (OptimizerKind.AdamW, Unpaged),
        ["paged_adamw_32bit"] = (OptimizerKind.AdamW, Unpaged),
        ["rmsprop"] = (OptimizerKind.RmsProp, null),
    };

    /// <summary>The formula of a name that was checked.</summary>
    public static OptimizerKind KindOf(string name) => All[name].Kind;

    /// <summary>What to say where a name promises something else than what runs; null where it keeps its word.</summary>
    /// <param name="name">A name that was checked.</param>
    /// <param name="onHost">The state is in host memory: what a paged optimizer is asked for.</param>
    public static string? NoteOn(string name, bool onHost) => All[name].Note is { } note && !(onHost && note == Unpaged) ? $"optim: {name} runs as adamw_torch: {note}" : null;

    /// <summary>One problem where there is no such optimizer.</summary>
    public static IEnumerable<ConfigProblem> Check(string name)
    {
        if (!All.ContainsKey(name)) yield return new("optim", $"{name} is not implemented; expected {Configuration.Check.Join([.. All.Keys])}");
    }
}
