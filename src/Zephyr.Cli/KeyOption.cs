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

    /// <summary>What was given for the keys of <paramref name="schema"/>, in the order of the schema, and then what it knows besides.</summary>
    public static List<ConfigOverride> Collect(ParseResult parsed, ConfigSchema schema) => Collect(parsed, option => option switch
    {
        KeyOption own => schema.Keys.Contains(own.Key),
        ForeignOption foreign => schema.ForeignNames.Contains(foreign.Key),
        _ => false,
    });

    /// <summary>What was given for keys that are not <paramref name="schema"/>'s own.</summary>
    public static List<ConfigOverride> CollectBeside(ParseResult parsed, ConfigSchema schema) =>
        Collect(parsed, option => option is KeyOption own ? !schema.Keys.Contains(own.Key) : option is ForeignOption);

    private static List<ConfigOverride> Collect(ParseResult parsed, Func<Option, bool> isAsked)
    {
        var given = new List<ConfigOverride>();
        foreach (var option in parsed.CommandResult.Command.Options.Where(isAsked))
        {
            if (parsed.GetResult(option) is not { Implicit: false } result) continue;
            var written = (result.IdentifierToken?.Value ?? option.Name)[2..];
            given.AddRange(result.Tokens.Select(token => new ConfigOverride(written, token.Value)));
        }

        return given;
    }

    /// <summary>A name as the parser reports it, with underscores or hyphens.</summary>
    internal static IEnumerable<string> BothWays(string name) => new[] { "--" + name, "--" + name.Replace('_', '-') }.Distinct();

    private static string[] Spellings(ConfigKey key, IReadOnlySet<string> taken)
    {
        var names = new[] { key.Name, key.Alias }.OfType<string>().SelectMany(BothWays);
        return [.. names.Distinct().Where(name => name != key.Option && !taken.Contains(name))];
    }
}
