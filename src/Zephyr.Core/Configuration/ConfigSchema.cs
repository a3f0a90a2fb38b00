using System.Collections.Concurrent;
using System.Reflection;
using Zephyr.Configuration.Foreign;
using Zephyr.Runtime;

namespace Zephyr.Configuration;

/// <summary>The flat list of keys that a configuration record takes, read off its properties.</summary>
public sealed class ConfigSchema
{
    private static readonly ConcurrentDictionary<Type, ConfigSchema> Known = new();
    private static readonly (string Stage, Type Config)[] StageConfigs =
        [("clean", typeof(CleanConfig)), ("sft", typeof(SftConfig)), ("aif", typeof(AifConfig)), ("dpo", typeof(DpoConfig))];

    // A key that is mistyped among the stages of the recipe is rather one of theirs.
    private const string Beside = "clean";

    private readonly Dictionary<string, ConfigKey> _byName = [];

    private ConfigSchema(Type type)
    {
        Stage = StageConfigs.FirstOrDefault(stage => stage.Config == type).Stage;
        var pristine = Activator.CreateInstance(type)!;
        foreach (var property in type.GetProperties())
        {
            if (property.GetCustomAttribute<ConfigKeyAttribute>() is { } own)
                Add(new(null, property, own, pristine));
            else if (property.PropertyType.IsAssignableTo(typeof(IOptionGroup)))
                foreach (var member in property.PropertyType.GetProperties())
                    if (member.GetCustomAttribute<ConfigKeyAttribute>() is { } key)
                        Add(new(property, member, key, pristine));
        }
    }

    /// <summary>clean, sft, aif or dpo; null for a record that is no stage's (the options of another command).</summary>
    public string? Stage { get; }

    /// <summary>Every key, in the order of declaration.</summary>
    public IReadOnlyList<ConfigKey> Keys => _keys;

    private readonly List<ConfigKey> _keys = [];

    /// <summary>The schema of a configuration record: its own keys and those of its option groups.</summary>
    /// <typeparam name="T">A record with <see cref="ConfigKeyAttribute"/> properties or <see cref="IOptionGroup"/> properties.</typeparam>
    public static ConfigSchema Of<T>() where T : class, new() => Of(typeof(T));

    /// <summary>The key of this name or alias, spelled with underscores; null where there is none.</summary>
    /// <param name="name">As it stands in YAML.</param>
    public ConfigKey? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Names that a recipe for TRL or the alignment-handbook may hold besides: each is ignored with a word, translated or refused.</summary>
    public IReadOnlyCollection<string> ForeignNames => [.. Foreign.Keys.Where(name => Find(name) is null)];

    /// <summary>Their table.</summary>
    internal IReadOnlyDictionary<string, ForeignKey> Foreign => ForeignKeys.Of(Stage);

    /// <summary>What to tell a person who used a name that is no key here: whose it is, or what it was probably meant to be.</summary>
    /// <param name="name">As it stands in YAML.</param>
    /// <param name="show">How a suggested key is written: as in YAML, or as an option.</param>
    public string ExplainUnknown(string name, Func<string, string>? show = null)
    {
        show ??= key => key;
        if (ExplainForeign(name) is { } foreign) return foreign;
        var nearest = NearestName.Find(name, _byName.Keys) ?? NearestName.Find(name, Foreign.Keys);
        return nearest is null ? "unknown key" : $"unknown key; did you mean {show(nearest)}?";
    }

    /// <summary>"belongs to dpo, not to sft", where that is so.</summary>
    /// <param name="name">As it stands in YAML.</param>
    public string? ExplainForeign(string name)
    {
        if (Stage is null) return null;
        var owners = StageConfigs.Where(other => other.Stage != Stage && other.Stage != Beside && Of(other.Config).Takes(name)).Select(other => other.Stage).ToList();
        return owners.Count == 0 ? null : $"belongs to {string.Join(" and ", owners)}, not to {Stage}";
    }

    private static ConfigSchema Of(Type type) => Known.GetOrAdd(type, static t => new ConfigSchema(t));

    private bool Takes(string name) => Find(name) is not null || Foreign.ContainsKey(name);

    private void Add(ConfigKey key)
    {
        _keys.Add(key);
        _byName.Add(key.Name, key);
        if (key.Alias is not null) _byName.Add(key.Alias, key);
    }
}
