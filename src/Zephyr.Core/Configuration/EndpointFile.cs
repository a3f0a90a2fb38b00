using Zephyr.Runtime;

namespace Zephyr.Configuration;

/// <summary>The file that <c>endpoints</c> names: one entry a model, its name and below it the keys of <see cref="EndpointOptions"/>. As strict as a recipe.</summary>
public static class EndpointFile
{
    private const int LargestFile = 1 << 20;

    private static readonly ConfigSchema Schema = ConfigSchema.Of<EndpointOptions>();

    /// <summary>The models by name, in the order of the file.</summary>
    /// <exception cref="ConfigException">Everything that is wrong with it.</exception>
    /// <exception cref="UserErrorException">It cannot be read.</exception>
    public static IReadOnlyDictionary<string, EndpointOptions> Read(string path) => Parse(UserFile.ReadText(path, "file of endpoints", LargestFile), path);

    /// <summary>The same, of YAML that is at hand as text.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="path">What to call it in messages.</param>
    /// <exception cref="ConfigException">Everything that is wrong with it.</exception>
    public static IReadOnlyDictionary<string, EndpointOptions> Parse(string yaml, string path)
    {
        var parsed = FlatYaml.Parse(yaml);
        var problems = parsed.Problems.Select(problem => new LocatedProblem(path, problem.Line, problem.Key, problem.Message)).ToList();
        var entries = new OrderedDictionary<string, EndpointOptions>(StringComparer.Ordinal);
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in parsed.Entries)
        {
            if (!lines.TryAdd(entry.Key, entry.Line)) problems.Add(new(path, entry.Line, entry.Key, $"is given twice, first on line {lines[entry.Key]}"));
            else if (entry.Value is YamlMapping mapping) entries[entry.Key] = Entry(path, entry, mapping, problems);
            else problems.Add(new(path, entry.Line, entry.Key, "found no keys, expected those of an endpoint below it: base_url, model, api_key_env ..."));
        }
        if (problems.Count == 0 && entries.Count == 0) problems.Add(new(path, null, "", "holds no model, expected at least one name with base_url or local below it"));
        return problems.Count == 0 ? entries : throw new ConfigException(problems);
    }

    private static EndpointOptions Entry(string path, YamlEntry entry, YamlMapping mapping, List<LocatedProblem> problems)
    {
        var options = new EndpointOptions();
        var set = new Dictionary<string, int>(StringComparer.Ordinal);
        var broken = new HashSet<string>(StringComparer.Ordinal);
        var named = NameProblem(entry.Key);
        if (named is not null) problems.Add(new(path, entry.Line, entry.Key, named));
        foreach (var (name, value) in mapping.Items)
        {
            var line = value?.Line ?? entry.Line;
            void Problem(string message)
            {
                broken.Add(name);
                problems.Add(new(path, line, $"{entry.Key}.{name}", message));
            }

            if (Schema.Find(name) is not { } key) Problem(name is "api_key" or "key" or "token" ? "a key stands in no file: name the environment variable that holds it in api_key_env" : Schema.ExplainUnknown(name));
            else if (!set.TryAdd(name, line)) Problem($"is given twice, first on line {set[name]}");
            else if (value is null) Problem("found a list or mapping, expected a single value");
            else if (ConfigConversion.Convert(key, value, fromOption: false, out var result) is { } message) Problem(message);
            else key.Set(options, result);
        }
        // What follows from a value that could not be read is not said a second time.
        foreach (var problem in options.Validate().Where(problem => !broken.Contains(problem.Key) && (broken.Count == 0 || set.ContainsKey(problem.Key))))
            problems.Add(new(path, set.TryGetValue(problem.Key, out var line) ? line : entry.Line, $"{entry.Key}.{problem.Key}", problem.Message));
        return options;
    }

    /// <summary>A name is written in journals, rows and tables.</summary>
    private static string? NameProblem(string name) =>
        name.Length is 0 or > 200 || name.Any(char.IsControl) || name.Trim() != name ? "is no name: expected up to 200 letters on one line"
        : name.StartsWith("local:", StringComparison.Ordinal) || name.Contains("://", StringComparison.Ordinal) ? "is the short form of a model, which needs no entry: give it a name of its own"
        : null;
}
