namespace Zephyr.Configuration;

/// <summary>Marks a property as a configuration key; its name in YAML and on the command line is the property's in snake_case.</summary>
/// <param name="help">One line for the help text: what it is, its unit.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ConfigKeyAttribute(string help) : Attribute
{
    /// <summary>One line for the help text.</summary>
    public string Help { get; } = help;

    /// <summary>The key's name where it is not the property's in snake_case.</summary>
    public string? Name { get; init; }

    /// <summary>Another name for the same key (TRL's older or newer one). Giving both is an error.</summary>
    public string? Alias { get; init; }

    /// <summary>There is no sensible default: the run does not start without it.</summary>
    public bool Required { get; init; }

    /// <summary>On the command line the value is taken letter for letter, never read as YAML: what a person says to a model.</summary>
    public bool Verbatim { get; init; }

    /// <summary>How the option is shown where that is not the name in snake_case; both spellings work for every key.</summary>
    public string? Spelling { get; init; }
}
