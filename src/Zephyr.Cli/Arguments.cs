using System.CommandLine;
using Zephyr.Cli.Commands;
using Zephyr.Configuration;

namespace Zephyr.Cli;

/// <summary>
/// The arguments as the parser is to see them. By itself it takes whatever stands behind an option for its value, another option
/// too: <c>--output_dir --quiet</c> would write into a folder called --quiet. Here a value that is not there is put there: "true" for
/// a flag, and for all else an empty text, which the configuration refuses. A value that begins with a hyphen is written --key=-value.
/// </summary>
internal static class Arguments
{
    /// <summary>Whether a word was meant as an option; negative numbers are values.</summary>
    public static bool IsOption(string word) => word.Length > 1 && word[0] == '-' && !char.IsAsciiDigit(word[1]) && word[1] != '.';

    /// <summary>The same arguments, with every option's value in its place.</summary>
    public static List<string> WithValues(IReadOnlyList<string> args, RootCommand root)
    {
        Command command = root;
        var words = new List<string>();
        while (words.Count < args.Count && command.Subcommands.FirstOrDefault(candidate => candidate.Name == args[words.Count]) is { } named)
        {
            command = named;
            words.Add(named.Name);
        }
        var positional = (command as SchemaCommand)?.Positional;
        var options = command.Options.Where(option => option is KeyOption or ForeignOption)
            .SelectMany(option => option.Aliases.Append(option.Name).Select(name => (name, option)))
            .ToDictionary(entry => entry.name, entry => entry.option);
        for (var i = words.Count; i < args.Count; i++)
        {
            // The parser reads "--key=" as an option whose value is the next word.
            var (name, closed) = args[i].EndsWith('=') ? (args[i][..^1], true) : (args[i], false);
            if (!options.TryGetValue(name, out var option))
            {
                if (positional is not null && !IsOption(args[i]))
                {
                    words.Add("--" + positional);
                    positional = null;
                }
                words.Add(args[i]);
                continue;
            }
            words.Add(name);
            if (closed) words.Add("");
            else if (option is KeyOption { Key.Verbatim: true })
            {
                // An empty text is a value here: what is not there is left for the parser to miss.
                if (i + 1 < args.Count) words.Add(args[++i]);
            }
            // Without a value behind it, a key of TRL's can only be a switch. Of a flag before a word that may stand by itself, only true and false are values.
            else if (i + 1 == args.Count || IsOption(args[i + 1])
                || (positional is not null && IsSwitch(option) && !bool.TryParse(args[i + 1], out _))) words.Add(IsSwitch(option) ? "true" : "");
            else words.Add(args[++i]);
        }
        return words;
    }

    private static bool IsSwitch(Option option) => option is ForeignOption or KeyOption { Key.Kind: ConfigKind.Flag };
}
