using System.CommandLine;
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
        var command = root.Subcommands.FirstOrDefault(candidate => args.Count > 0 && candidate.Name == args[0]);
        var options = (command?.Options ?? []).Where(option => option is KeyOption or ForeignOption)
            .SelectMany(option => option.Aliases.Append(option.Name).Select(name => (name, option)))
            .ToDictionary(entry => entry.name, entry => entry.option);
        var words = new List<string>();
        for (var i = 0; i < args.Count; i++)
        {
            // The parser reads "--key=" as an option whose value is the next word.
            var (name, closed) = args[i].EndsWith('=') ? (args[i][..^1], true) : (args[i], false);
            if (!options.TryGetValue(name, out var option))
            {
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
            // Without a value behind it, a key of TRL's can only be a switch.
            else if (i + 1 == args.Count || IsOption(args[i + 1])) words.Add(option is ForeignOption or KeyOption { Key.Kind: ConfigKind.Flag } ? "true" : "");
            else words.Add(args[++i]);
        }
        return words;
    }
}
