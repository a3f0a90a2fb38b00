namespace Zephyr.Configuration.Foreign;

/// <summary>What becomes of a key, or of a value, that is TRL's, transformers' or the handbook's and not ours.</summary>
internal abstract record Fate;

/// <summary>It changes nothing about the result here. The run says so when it starts.</summary>
/// <param name="Reason">Why, as a clause: "nothing is uploaded".</param>
internal sealed record Ignored(string Reason) : Fate;

/// <summary>The result would be another one than was asked for.</summary>
/// <param name="Reason">What is not there and what to write instead, as a clause.</param>
internal sealed record Refused(string Reason) : Fate;

/// <summary>It is one of our keys in other words.</summary>
/// <param name="Key">The key's canonical name.</param>
/// <param name="Value">What it is given.</param>
internal sealed record Means(string Key, YamlValue Value) : Fate;

/// <summary>Decides on one value, seeing what else is given. No fate at all means: that is what happens here anyway.</summary>
internal delegate IEnumerable<Fate> Placement(YamlValue value, GivenKeys given);

/// <summary>A key that is accepted in a recipe and is none of ours.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Meaning">What becomes of it in general, for the documentation: "ignored: nothing is uploaded".</param>
/// <param name="Place">What becomes of one value.</param>
internal sealed record ForeignKey(string Name, string Meaning, Placement Place)
{
    /// <summary>Keys of ours that it would have filled: where it is refused, nothing is said of their being empty.</summary>
    public IReadOnlyList<string> StandsFor { get; init; } = [];

    /// <summary>Keys whose value changes nothing about the result here. Empty ones are not worth a word.</summary>
    public static IEnumerable<ForeignKey> Ignore(string reason, params string[] names) =>
        names.Select(name => new ForeignKey(name, $"ignored: {reason}", (value, _) => value.IsEmpty() ? [] : [new Ignored(reason)]));

    /// <summary>Keys that ask for something that is not there, unless they have the value that asks for nothing; null and empty ones ask for nothing.</summary>
    /// <param name="unless">The other harmless values, separated by "or".</param>
    /// <param name="reason">What is not there and what to write instead.</param>
    /// <param name="names">The keys.</param>
    public static IEnumerable<ForeignKey> Refuse(string unless, string reason, params string[] names)
    {
        var harmless = unless.Split(" or ");
        return names.Select(name => new ForeignKey(name, $"refused unless {unless}: {reason}",
            (value, _) => value.IsEmpty() || harmless.Any(value.Says) ? [] : [new Refused(reason)]));
    }

    /// <summary>A switch that is a value of one of our keys.</summary>
    /// <param name="name">The switch.</param>
    /// <param name="key">Our key.</param>
    /// <param name="whenTrue">Its value where the switch is true.</param>
    /// <param name="whenFalse">Its value where the switch is false; null where it is then left alone.</param>
    public static ForeignKey Switch(string name, string key, string whenTrue, string? whenFalse) =>
        new(name, $"true is {key}: {whenTrue}" + (whenFalse is null ? "" : $", false is {key}: {whenFalse}"), (value, _) => value switch
        {
            _ when value.Says("null") => [],
            _ when value.Says("true") => [new Means(key, value.With(whenTrue))],
            _ when value.Says("false") => whenFalse is null ? [] : [new Means(key, value.With(whenFalse))],
            _ => [new Refused("expected true or false")],
        });
}
