namespace Zephyr.Configuration;

/// <summary>
/// transformers' names of schedules, and what each takes in <c>lr_scheduler_kwargs</c>. Here are all that are a function of the
/// step; those that watch the loss (reduce_lr_on_plateau, greedy) are not.
/// </summary>
internal static class SchedulerNames
{
    private static readonly OrderedDictionary<string, string[]> Takes = new()
    {
        ["cosine"] = ["num_cycles"],
        ["linear"] = [],
        ["constant"] = [],
        ["constant_with_warmup"] = [],
        ["cosine_with_restarts"] = ["num_cycles"],
        ["cosine_with_min_lr"] = ["min_lr", "min_lr_rate", "num_cycles"],
        ["cosine_warmup_with_min_lr"] = ["min_lr", "min_lr_rate", "warmup_lr_rate", "num_cycles"],
        ["polynomial"] = ["lr_end", "power"],
        ["inverse_sqrt"] = ["timescale"],
        ["warmup_stable_decay"] = ["num_decay_steps", "num_stable_steps", "min_lr_ratio", "num_cycles"],
    };

    /// <summary>polynomial's lr_end where none is given.</summary>
    public const double DefaultLrEnd = 1e-7;

    /// <summary>Everything that is wrong with a schedule and what it is given.</summary>
    /// <param name="type">lr_scheduler_type.</param>
    /// <param name="given">lr_scheduler_kwargs.</param>
    /// <param name="peak">learning_rate.</param>
    public static IEnumerable<ConfigProblem> Check(string type, IReadOnlyDictionary<string, double> given, double peak)
    {
        if (!Takes.TryGetValue(type, out var takes))
            return [new("lr_scheduler_type", $"{type} is not implemented; expected {Configuration.Check.Join([.. Takes.Keys])}")];
        var foreign = given.Keys.Where(name => !takes.Contains(name)).Select(name => $"{type} takes no {name}; it takes {(takes.Length == 0 ? "nothing" : string.Join(", ", takes))}");
        return foreign.Concat(OutOfRange(given)).Concat(Together(type, given, peak)).Select(message => new ConfigProblem("lr_scheduler_kwargs", message));
    }

    private static IEnumerable<string> OutOfRange(IReadOnlyDictionary<string, double> given) => given
        .Select(entry => (entry.Key, entry.Value, Expected: ExpectedOf(entry.Key, entry.Value)))
        .Where(entry => entry.Expected is not null)
        .Select(entry => $"{entry.Key} must be {entry.Expected} (was {entry.Value})");

    /// <summary>What a value should have been; null where it is that.</summary>
    private static string? ExpectedOf(string name, double value) => name switch
    {
        "min_lr_rate" or "warmup_lr_rate" or "min_lr_ratio" => value is >= 0 and <= 1 ? null : "from 0 to 1",
        "num_decay_steps" or "num_stable_steps" => value is >= 0 and <= int.MaxValue && double.IsInteger(value) ? null : "a whole number, at least 0",
        "timescale" or "num_cycles" => value > 0 && double.IsFinite(value) ? null : "> 0",
        _ => value >= 0 && double.IsFinite(value) ? null : "at least 0",
    };

    /// <summary>What has to be there, what excludes another, and what is bounded by the learning rate.</summary>
    private static IEnumerable<string> Together(string type, IReadOnlyDictionary<string, double> given, double peak)
    {
        switch (type)
        {
            case "cosine_with_min_lr" or "cosine_warmup_with_min_lr":
                if (given.ContainsKey("min_lr") == given.ContainsKey("min_lr_rate"))
                    yield return $"{type} needs min_lr or min_lr_rate, {(given.ContainsKey("min_lr") ? "not both" : "and neither is given")}";
                if (given.GetValueOrDefault("min_lr") > peak)
                    yield return $"min_lr must be at most learning_rate (was {given["min_lr"]}, learning_rate {peak})";
                break;
            case "polynomial" when given.GetValueOrDefault("lr_end", DefaultLrEnd) is var end && !(end < peak):
                yield return $"lr_end must be below learning_rate (was {end}{(given.ContainsKey("lr_end") ? "" : " by default")}, learning_rate {peak})";
                break;
            case "warmup_stable_decay" when !given.ContainsKey("num_decay_steps"):
                yield return $"{type} needs num_decay_steps";
                break;
            default:
                break;
        }
    }
}
