using Zephyr.Configuration.Foreign;

namespace Zephyr.Configuration;

/// <summary>One reading of a configuration: who has set what so far, and what was wrong with it.</summary>
/// <param name="schema">The keys.</param>
/// <param name="config">The record that is filled in.</param>
/// <param name="file">What messages call the YAML; null for none.</param>
/// <param name="usage">What was wrong before any value was looked at. Then nothing is said of keys that nobody set: one may have been meant.</param>
internal sealed class ConfigResolution(ConfigSchema schema, object config, string? file, IReadOnlyList<LocatedProblem> usage)
{
    private readonly Dictionary<ConfigKey, Setting> _settings = [];
    private readonly List<LocatedProblem> _problems = [.. usage];
    private readonly Dictionary<string, YamlValue> _values = [];
    private readonly OrderedDictionary<string, IgnoredKey> _ignored = [];
    private readonly HashSet<string> _open = [];
    private bool _incomplete;

    /// <summary>Who set a key: the name they used, the line or null for an option, and what they wrote where that was not the value itself.</summary>
    private sealed record Setting(string Written, int? Line, string Wording = "")
    {
        /// <summary>Something was wrong here already: further checks would only repeat it.</summary>
        public bool Broken { get; set; }
    }

    /// <summary>What was ignored, in the order it was met.</summary>
    public IReadOnlyList<IgnoredKey> Ignored => [.. _ignored.Values];

    private GivenKeys Given => new(_values);

    /// <summary>Takes the file's entries, then the options, which win.</summary>
    /// <param name="yaml">The file; null for none.</param>
    /// <param name="options">The options, in order.</param>
    public void Add(string? yaml, IReadOnlyList<ConfigOverride> options)
    {
        var given = options.Select(option => (Written: "--" + option.Key, Name: option.Key.Replace('-', '_'), Value: ValueOf(option))).ToList();
        var parsed = FlatYaml.Parse(yaml ?? "");
        foreach (var entry in parsed.Entries) _values[CanonicalOf(entry.Key)] = entry.Value;
        foreach (var (_, name, value) in given) _values[CanonicalOf(name)] = value;

        var inFile = new Dictionary<string, Setting>();
        _incomplete = parsed.Incomplete;
        foreach (var (line, key, message) in parsed.Problems)
        {
            _problems.Add(new(file, line, key, message));
            if (schema.Find(key) is { } known) _settings[known] = inFile[known.Name] = new(key, line) { Broken = true };
        }

        foreach (var entry in parsed.Entries)
            // A foreign key that an option gives another value stands for nothing any more.
            if (schema.Find(entry.Key) is not null || given.TrueForAll(option => option.Name != entry.Key))
                Take(entry.Key, new(entry.Key, entry.Line), entry.Value, inFile);
        var asOptions = new Dictionary<string, Setting>();
        foreach (var (written, name, value) in given) Take(name, new(written, null), value, asOptions);
    }

    /// <summary>Checks what only the whole can tell; every key with its value and origin, in the schema's order.</summary>
    public IReadOnlyList<ResolvedKey> Finish()
    {
        if (_incomplete) throw new ConfigException(_problems);
        var assumed = HandbookDefaults.Of(schema.Stage, Given).Where(entry => !_settings.ContainsKey(schema.Find(entry.Key)!)).ToDictionary(entry => entry.Key);
        foreach (var (name, value, _) in assumed.Values) schema.Find(name)!.Set(config, value);
        foreach (var key in schema.Keys.Where(key => key.Required && IsEmpty(key.Get(config)))) AddMissing(key);
        // A command's few options are checked against each other: where one has no usable value, what is said of the absent ones follows from it.
        var followsFromAnother = usage.Count > 0 || (schema.Stage is null && _problems.Count > 0);
        foreach (var problem in Groups().SelectMany(group => group.Validate()).Where(problem => !_open.Contains(problem.Key)))
        {
            var key = schema.Find(problem.Key) ?? throw new InvalidOperationException($"a check names {problem.Key}, which is no key");
            var setting = _settings.GetValueOrDefault(key);
            if (setting is null && !followsFromAnother && !NamesBroken(problem.Message))
                _problems.Add(new(file, null, schema.Stage is null ? key.Option : key.Name, problem.Message));
            else if (setting is { Broken: false }) _problems.Add(Locate(setting, problem.Message));
        }

        if (_problems.Count > 0) throw new ConfigException(_problems);
        return [.. schema.Keys.Select(key => new ResolvedKey(key.Name, key.Get(config), OriginOf(key, assumed), assumed.ContainsKey(key.Name)))];
    }

    /// <summary>An empty text is a value that was forgotten (an unset variable of a script), never a wish for the default.</summary>
    private YamlValue ValueOf(ConfigOverride option) =>
        schema.Find(option.Key.Replace('-', '_')) is { Verbatim: true } ? new YamlScalar(1, option.Value, Quoted: true)
        : string.IsNullOrWhiteSpace(option.Value) ? new YamlInvalid(1, "needs a value")
        : FlatYaml.ParseValue(option.Value);

    private string CanonicalOf(string name) => schema.Find(name)?.Name ?? name;

    /// <summary>Finds out what a name and its value mean, and does it.</summary>
    /// <param name="name">The name, with underscores.</param>
    /// <param name="setting">Who says it.</param>
    /// <param name="value">What they say.</param>
    /// <param name="taken">Who has said what in the same place, the file or the command line.</param>
    private void Take(string name, Setting setting, YamlValue value, Dictionary<string, Setting> taken)
    {
        var key = schema.Find(name);
        if (key is null && !schema.Foreign.ContainsKey(name))
            _problems.Add(new(setting.Line is null ? null : file, setting.Line, setting.Written, setting.Line is null
                ? schema.ExplainUnknown(name, known => "--" + known) : schema.ExplainUnknown(name)));
        else if (!taken.TryAdd(CanonicalOf(name), setting))
            _problems.Add(Locate(setting, Twice(taken[CanonicalOf(name)], setting, key)));
        else if (value is YamlInvalid invalid)
            Break(key, setting, invalid.Message);
        else if (key is not null && ForeignValues.Place(schema.Stage, key.Name, value, Given) is not { })
            Set(key, setting, value);
        else
            foreach (var fate in key is null ? schema.Foreign[name].Place(value, Given) : ForeignValues.Place(schema.Stage, key.Name, value, Given)!)
                Meet(fate, name, setting with { Wording = Wording(name, value) }, value, taken);
    }

    private void Meet(Fate fate, string name, Setting setting, YamlValue value, Dictionary<string, Setting> taken)
    {
        switch (fate)
        {
            case Ignored ignored:
                _ignored[name] = new(name, OriginOf(setting with { Wording = "" }), ignored.Reason);
                break;
            case Refused refused:
                if (schema.Foreign.TryGetValue(name, out var foreign)) _open.UnionWith(foreign.StandsFor);
                Break(schema.Find(name), setting, refused.Reason + (value is YamlScalar { Text.Length: <= 60 } scalar ? $" (was {scalar.Text})" : ""));
                break;
            case Means means:
                var target = schema.Find(means.Key)!;
                if (target.Name == CanonicalOf(name) || taken.TryAdd(target.Name, setting)) Set(target, setting, means.Value);
                else _problems.Add(Locate(setting, Twice(taken[target.Name], setting, target)));
                break;
        }
    }

    private void Set(ConfigKey key, Setting setting, YamlValue value)
    {
        _settings[key] = setting;
        if (ConfigConversion.Convert(key, value, fromOption: setting.Line is null, out var result) is { } problem) Break(key, setting, problem);
        else key.Set(config, result);
    }

    private void Break(ConfigKey? key, Setting setting, string problem)
    {
        setting.Broken = true;
        if (key is not null) _settings[key] = setting;
        _problems.Add(Locate(setting, problem));
    }

    private void AddMissing(ConfigKey key)
    {
        var setting = _settings.GetValueOrDefault(key);
        if (setting is { Broken: true } || (setting is null && usage.Count > 0)) return;
        if (setting is not null)
            _problems.Add(Locate(setting, $"must not be empty: {key.Help}"));
        else if (schema.Stage is null)
            _problems.Add(new(null, null, key.Option, $"is required: {key.Help}"));
        else
            _problems.Add(new(file, null, key.Name, $"is required, in the config file or as {key.Option}: {key.Help}"));
        if (setting is not null) setting.Broken = true;
    }

    /// <summary>Whether a check on an absent key would take another, whose value is the problem, for absent as well.</summary>
    private bool NamesBroken(string message) => _settings.Any(entry => entry.Value.Broken && message.Contains(entry.Key.Name, StringComparison.Ordinal));

    private IEnumerable<IOptionGroup> Groups() => config.GetType().GetProperties()
        .Where(property => property.PropertyType.IsAssignableTo(typeof(IOptionGroup)))
        .Select(property => (IOptionGroup)property.GetValue(config)!)
        .Concat(config is IOptionGroup whole ? [whole] : []);

    private LocatedProblem Locate(Setting setting, string message) =>
        new(setting.Line is null ? null : file, setting.Line, setting.Written, message);

    private string OriginOf(ConfigKey key, Dictionary<string, AssumedValue> assumed) =>
        _settings.TryGetValue(key, out var setting) ? OriginOf(setting) : assumed.TryGetValue(key.Name, out var value) ? value.Origin : ResolvedKey.Default;

    private string OriginOf(Setting setting) =>
        (setting.Line is null ? $"option {setting.Written}" : $"file {file} line {setting.Line}") + (setting.Wording.Length > 0 ? $" ({setting.Wording})" : "");

    private static string Wording(string name, YamlValue value) => value is YamlScalar { Text.Length: <= 60 } scalar ? $"{name}: {scalar.Text}" : name;

    private static string Twice(Setting earlier, Setting later, ConfigKey? key) => later.Line is null
        ? "is given more than once" + (key?.Kind is ConfigKind.TextList or ConfigKind.NumberList ? ": a list is [a, b]" : "")
        : earlier.Written == later.Written ? $"is given twice, first on line {earlier.Line}"
        : $"is another name for {earlier.Written}, which is given on line {earlier.Line}: give one of them";

    private static bool IsEmpty(object? value) => value is null or "" or IReadOnlyCollection<string> { Count: 0 };
}
