using System.CommandLine;
using Zephyr.Configuration;

namespace Zephyr.Cli;

/// <summary>
/// A configuration key as an option. It only collects text: types, defaults and checks are the configuration's, so that a file
/// and the command line cannot differ in them.
/// </summary>
internal sealed class KeyOption : Option<string[]>
{
    /// <param name="key">The key.</param>
    /// <param name="taken">Names that other options of the command have: they stay theirs.</param>
    public KeyOption(ConfigKey key, IReadOnlySet<string>? taken = null) : base(key.Option, Spellings(key, taken ?? new HashSet<string>()))
    {
        Key = key;
        Description = key.Help;
        // Arguments has given every option a value. More than one in all is let through here and refused where all problems are told.
        Arity = new ArgumentArity(1, 100_000);
        AllowMultipleArgumentsPerToken = false;
    }

    public ConfigKey Key { get; }

    /// <summary>What was given for the keys of <paramref name="schema"/>, in the order of the schema.</summary>
    public static List<ConfigOverride> Collect(ParseResult parsed, ConfigSchema schema) => Collect(parsed, schema.Keys.Contains);

    /// <summary>What was given for keys that are not <paramref name="schema"/>'s own.</summary>
    public static List<ConfigOverride> CollectBeside(ParseResult parsed, ConfigSchema schema) => Collect(parsed, key => !schema.Keys.Contains(key));

    private static List<ConfigOverride> Collect(ParseResult parsed, Func<ConfigKey, bool> isAsked)
    {
        var given = new List<ConfigOverride>();
        foreach (var option in parsed.CommandResult.Command.Options.OfType<KeyOption>().Where(option => isAsked(option.Key)))
        {
            if (parsed.GetResult(option) is not { Implicit: false } result) continue;
            var written = (result.IdentifierToken?.Value ?? option.Name)[2..];
            given.AddRange(result.Tokens.Select(token => new ConfigOverride(written, token.Value)));
        }

        return given;
    }

    private static string[] Spellings(ConfigKey key, IReadOnlySet<string> taken)
    {
        var names = new[] { key.Name, key.Alias }.OfType<string>().SelectMany(name => new[] { name, name.Replace('_', '-') });
        return [.. names.Select(name => "--" + name).Distinct().Where(name => name != key.Option && !taken.Contains(name))];
    }
}
