using System.Reflection;

namespace Zephyr.Configuration;

/// <summary>What a key holds.</summary>
public enum ConfigKind
{
    /// <summary>Text.</summary>
    Text,

    /// <summary>true or false.</summary>
    Flag,

    /// <summary>A whole number of 32 bits.</summary>
    Whole,

    /// <summary>A whole number of 64 bits.</summary>
    LongWhole,

    /// <summary>A number.</summary>
    Number,

    /// <summary>A list of texts; a single one is a list of one.</summary>
    TextList,

    /// <summary>A list of numbers; a single one is a list of one.</summary>
    NumberList,

    /// <summary>Names with a number each.</summary>
    NumberMap,
}

/// <summary>One key of a configuration, as the schema knows it.</summary>
public sealed class ConfigKey
{
    private readonly PropertyInfo? _group;
    private readonly PropertyInfo _property;

    internal ConfigKey(PropertyInfo? group, PropertyInfo property, ConfigKeyAttribute attribute, object pristine)
    {
        _group = group;
        _property = property;
        Name = attribute.Name ?? SnakeCase(property.Name);
        Alias = attribute.Alias;
        Help = attribute.Help;
        Required = attribute.Required;
        Verbatim = attribute.Verbatim;
        Option = "--" + (attribute.Spelling ?? Name);
        Kind = KindOf(property);
        Nullable = new NullabilityInfoContext().Create(property).ReadState == NullabilityState.Nullable;
        Default = Get(pristine);
    }

    /// <summary>The canonical name: snake_case.</summary>
    public string Name { get; }

    /// <summary>The other name it goes by, if any.</summary>
    public string? Alias { get; }

    /// <summary>One line of explanation.</summary>
    public string Help { get; }

    /// <summary>Whether a run cannot start without it.</summary>
    public bool Required { get; }

    /// <summary>Whether an option's value is taken letter for letter.</summary>
    public bool Verbatim { get; }

    /// <summary>How it is shown as an option: "--learning_rate".</summary>
    public string Option { get; }

    /// <summary>What it holds.</summary>
    public ConfigKind Kind { get; }

    /// <summary>Whether null is a value of its own; elsewhere null in YAML means the default.</summary>
    public bool Nullable { get; }

    /// <summary>The value where nothing is said. Null or empty for required keys.</summary>
    public object? Default { get; }

    /// <summary>The group it belongs to ("Optimizer"), for headings; empty for a record that holds its keys itself.</summary>
    public string Group => _group?.Name ?? "";

    /// <summary>The value in a configuration record.</summary>
    /// <param name="config">The record the schema was made from.</param>
    public object? Get(object config) => _property.GetValue(Holder(config));

    /// <summary>Fills in the value. Only for a record that was just made and nobody else has seen: to all others it is immutable.</summary>
    internal void Set(object config, object? value) => _property.SetValue(Holder(config), value);

    private object Holder(object config) => _group is null ? config : _group.GetValue(config)!;

    private static ConfigKind KindOf(PropertyInfo property) => property.PropertyType switch
    {
        var t when t == typeof(string) => ConfigKind.Text,
        var t when t == typeof(bool) || t == typeof(bool?) => ConfigKind.Flag,
        var t when t == typeof(int) => ConfigKind.Whole,
        var t when t == typeof(long) => ConfigKind.LongWhole,
        var t when t == typeof(double) || t == typeof(double?) => ConfigKind.Number,
        var t when t == typeof(IReadOnlyList<string>) => ConfigKind.TextList,
        var t when t == typeof(IReadOnlyList<double>) => ConfigKind.NumberList,
        var t when t == typeof(IReadOnlyDictionary<string, double>) => ConfigKind.NumberMap,
        var t => throw new NotSupportedException($"{property.DeclaringType?.Name}.{property.Name}: a configuration key cannot be {t}"),
    };

    private static string SnakeCase(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i > 0 ? "_" : "") + char.ToLowerInvariant(c) : c.ToString()));
}
