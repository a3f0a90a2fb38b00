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
    private bool _incomplete;

    /// <summary>Who set a key: the name they used and the line, or null for an option.</summary>
    private sealed record Setting(string Written, int? Line)
    {
        /// <summary>Something was wrong here already: further checks would only repeat it.</summary>
        public bool Broken { get; set; }
    }

    public void AddFile(string yaml)
    {
        var parsed = FlatYaml.Parse(yaml);
        _incomplete = parsed.Incomplete;
        foreach (var (line, key, message) in parsed.Problems)
        {
            _problems.Add(new(file, line, key, message));
            if (schema.Find(key) is { } known) _settings[known] = new(key, line) { Broken = true };
        }

        foreach (var entry in parsed.Entries)
        {
            if (schema.Find(entry.Key) is not { } key)
                _problems.Add(new(file, entry.Line, entry.Key, schema.ExplainUnknown(entry.Key)));
            else if (_settings.TryGetValue(key, out var earlier))
                _problems.Add(new(file, entry.Line, entry.Key, Twice(earlier, entry.Key)));
            else
                Set(key, new(entry.Key, entry.Line), entry.Value, fromOption: false);
        }
    }

    public void AddOptions(IReadOnlyList<ConfigOverride> options)
    {
        var given = new HashSet<ConfigKey>();
        foreach (var (name, text) in options)
        {
            var written = "--" + name;
            if (schema.Find(name.Replace('-', '_')) is not { } key)
                _problems.Add(new(null, null, written, schema.ExplainUnknown(name.Replace('-', '_'), known => "--" + known)));
            else if (!given.Add(key))
                _problems.Add(new(null, null, written, "is given more than once" + (key.Kind is ConfigKind.TextList or ConfigKind.NumberList ? ": a list is [a, b]" : "")));
            else
                Set(key, new(written, null), ValueOf(key, text), fromOption: true);
        }
    }

    /// <summary>An empty text is a value that was forgotten (an unset variable of a script), never a wish for the default.</summary>
    private static YamlValue ValueOf(ConfigKey key, string text) =>
        key.Verbatim ? new YamlScalar(1, text, Quoted: true)
        : string.IsNullOrWhiteSpace(text) ? new YamlInvalid(1, "needs a value")
        : FlatYaml.ParseValue(text);

    /// <summary>Checks what only the whole can tell; every key with its value and origin, in the schema's order.</summary>
    public IReadOnlyList<ResolvedKey> Finish()
    {
        if (_incomplete) throw new ConfigException(_problems);
        foreach (var key in schema.Keys.Where(key => key.Required && IsEmpty(key.Get(config)))) AddMissing(key);
        // A command's few options are checked against each other: where one has no usable value, what is said of the absent ones follows from it.
        var followsFromAnother = usage.Count > 0 || (schema.Stage is null && _problems.Count > 0);
        foreach (var problem in Groups().SelectMany(group => group.Validate()))
        {
            var key = schema.Find(problem.Key) ?? throw new InvalidOperationException($"a check names {problem.Key}, which is no key");
            var setting = _settings.GetValueOrDefault(key);
            if (setting is null && !followsFromAnother)
                _problems.Add(new(file, null, schema.Stage is null ? key.Option : key.Name, problem.Message));
            else if (setting is { Broken: false }) _problems.Add(Locate(setting, problem.Message));
        }

        if (_problems.Count > 0) throw new ConfigException(_problems);
        return [.. schema.Keys.Select(key => new ResolvedKey(key.Name, key.Get(config), OriginOf(key)))];
    }

    private void Set(ConfigKey key, Setting setting, YamlValue value, bool fromOption)
    {
        _settings[key] = setting;
        if (ConfigConversion.Convert(key, value, fromOption, out var result) is { } problem)
        {
            setting.Broken = true;
            _problems.Add(Locate(setting, problem));
        }
        else
        {
            key.Set(config, result);
        }
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

    private IEnumerable<IOptionGroup> Groups() => config.GetType().GetProperties()
        .Where(property => property.PropertyType.IsAssignableTo(typeof(IOptionGroup)))
        .Select(property => (IOptionGroup)property.GetValue(config)!)
        .Concat(config is IOptionGroup whole ? [whole] : []);

    private LocatedProblem Locate(Setting setting, string message) =>
        new(setting.Line is null ? null : file, setting.Line, setting.Written, message);

    private string OriginOf(ConfigKey key) => _settings.GetValueOrDefault(key) switch
    {
        null => "default",
        { Line: null } option => $"option {option.Written}",
        var setting => $"file {file} line {setting.Line}",
    };

    private static string Twice(Setting earlier, string written) => earlier.Written == written
        ? $"is given twice, first on line {earlier.Line}"
        : $"is another name for {earlier.Written}, which is given on line {earlier.Line}: give one of them";

    private static bool IsEmpty(object? value) => value is null or "" or IReadOnlyCollection<string> { Count: 0 };
}
