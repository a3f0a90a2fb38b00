using System.CommandLine;

namespace Zephyr.Cli;

/// <summary>
/// A key of TRL's or the handbook's as an option: accepted as in a recipe, and not shown in the help. What becomes of it is the
/// configuration's to say.
/// </summary>
internal sealed class ForeignOption : Option<string[]>
{
    public ForeignOption(string key) : base("--" + key, [.. KeyOption.BothWays(key).Skip(1)])
    {
        Key = key;
        Hidden = true;
        Arity = new ArgumentArity(1, 100_000);
        AllowMultipleArgumentsPerToken = false;
    }

    /// <summary>Its name, with underscores.</summary>
    public string Key { get; }
}
