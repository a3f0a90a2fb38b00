using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Cli.Commands;

/// <summary>Tells by the keys of a configuration which stage it is for.</summary>
internal static class StageOfKeys
{
    private static readonly ConfigSchema[] Stages = [ConfigSchema.Of<SftConfig>(), ConfigSchema.Of<AifConfig>(), ConfigSchema.Of<DpoConfig>()];

    /// <summary>The stage that knows the most of the keys: one that is mistyped is then explained by that stage.</summary>
    /// <param name="command">Who asks, for the message.</param>
    /// <param name="file">The configuration, if any.</param>
    /// <param name="options">Keys as options.</param>
    /// <exception cref="UserErrorException">Two know as many, or no key is given at all.</exception>
    public static string Find(string command, string? file, IReadOnlyList<ConfigOverride> options)
    {
        var names = Names(file, options);
        if (names.Count == 0) throw new UserErrorException($"{command}: give the configuration of a stage: --config FILE, or its keys as options");
        var known = Stages.Select(schema => (Stage: schema.Stage!, Keys: names.Count(name => schema.Find(name) is not null))).ToList();
        var best = known.Where(stage => stage.Keys == known.Max(other => other.Keys)).Select(stage => stage.Stage).ToList();
        return best.Count == 1 ? best[0]
            : throw new UserErrorException($"{command}: the keys that are given are keys of {Check.Join([.. best], "and")}: say which with --stage");
    }

    /// <summary>The names of all keys that are given, as YAML spells them.</summary>
    public static HashSet<string> Names(string? file, IReadOnlyList<ConfigOverride> options) =>
    [
        .. file is null ? [] : FlatYaml.Parse(UserFile.ReadText(file, "config file", ConfigReader.LargestFile)).Entries.Select(entry => entry.Key),
        .. options.Select(option => option.Key.Replace('-', '_')),
    ];
}
