using Zephyr.Runtime;

namespace Zephyr.Configuration;

/// <summary>A key given on the command line.</summary>
/// <param name="Key">Its name or alias, with underscores or hyphens, without the leading dashes.</param>
/// <param name="Value">YAML text: <c>2e-5</c>, <c>true</c>, <c>[a.jsonl, b.jsonl]</c>.</param>
public sealed record ConfigOverride(string Key, string Value);

/// <summary>
/// Reads a configuration: defaults, then the YAML file, then the options. Whatever is wrong is reported at once, in one
/// <see cref="ConfigException"/>. Relative paths in a configuration are relative to the current directory, as with TRL,
/// not to the file they stand in.
/// </summary>
public static class ConfigReader
{
    /// <summary>The most bytes of a config file; a recipe that states every key has 5,000.</summary>
    public const int LargestFile = 1 << 20;

    /// <summary>Reads a file and options.</summary>
    /// <typeparam name="T">A stage's configuration record.</typeparam>
    /// <param name="file">The YAML file; null where everything comes from options and defaults.</param>
    /// <param name="options">The options, in order.</param>
    /// <param name="usage">
    /// What was wrong with the command line itself, to be told with the rest. What is missing is then not asked for: it may be what
    /// was mistyped.
    /// </param>
    /// <exception cref="ConfigException">What is wrong with the configuration.</exception>
    /// <exception cref="UserErrorException">The file cannot be read.</exception>
    public static ResolvedConfig<T> Read<T>(string? file, IReadOnlyList<ConfigOverride> options, IReadOnlyList<LocatedProblem>? usage = null)
        where T : class, new()
    {
        string? yaml = null;
        try
        {
            if (file is not null) yaml = UserFile.ReadText(file, "config file", LargestFile);
        }
        catch (UserErrorException unreadable) when (usage is { Count: > 0 })
        {
            usage = [new(file, null, "", unreadable.Message[$"{file}: ".Length..]), .. usage];
        }
        return ReadText<T>(yaml, file, options, usage ?? []);
    }

    /// <summary>As <see cref="Read{T}"/>, for YAML that is at hand as text.</summary>
    /// <typeparam name="T">A stage's configuration record.</typeparam>
    /// <param name="yaml">The YAML; null for none.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="options">The options, in order.</param>
    /// <exception cref="ConfigException">What is wrong with the configuration.</exception>
    public static ResolvedConfig<T> ReadText<T>(string? yaml, string? name, IReadOnlyList<ConfigOverride> options) where T : class, new() =>
        ReadText<T>(yaml, name, options, []);

    private static ResolvedConfig<T> ReadText<T>(
        string? yaml, string? name, IReadOnlyList<ConfigOverride> options, IReadOnlyList<LocatedProblem> usage) where T : class, new()
    {
        var config = new T();
        var resolution = new ConfigResolution(ConfigSchema.Of<T>(), config, name, usage);
        resolution.Add(yaml, options);
        return new(config, resolution.Finish()) { Ignored = resolution.Ignored };
    }
}
