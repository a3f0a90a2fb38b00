using System.CommandLine;
using System.CommandLine.Parsing;
using Zephyr.Cli.Commands;
using Zephyr.Configuration;

namespace Zephyr.Cli;

/// <summary>Says in our own sentences what the parser could not take.</summary>
internal static class ParseErrors
{
    /// <summary>One sentence a problem; empty where there is none.</summary>
    public static IReadOnlyList<string> Explain(ParseResult parsed)
    {
        if (parsed.Errors.Count == 0 && parsed.UnmatchedTokens.Count == 0) return [];
        var command = parsed.CommandResult.Command;
        if (command is RootCommand) return [ExplainRoot(parsed, command)];

        var sentences = parsed.UnmatchedTokens.Count > 0 ? ExplainUnmatched(parsed.UnmatchedTokens, command).ToList() : [];
        foreach (var error in parsed.Errors)
            if (error.SymbolResult is OptionResult { Tokens.Count: 0 } option)
                sentences.Add($"{option.IdentifierToken?.Value ?? option.Option.Name}: needs a value");
        // What has no sentence of ours keeps the package's.
        if (sentences.Count == 0) sentences.AddRange(parsed.Errors.Select(error => error.Message));
        return sentences;
    }

    private static string ExplainRoot(ParseResult parsed, Command root)
    {
        var verbs = root.Subcommands.Select(command => command.Name).ToList();
        if (parsed.UnmatchedTokens is not [var first, ..])
            return $"zephyr: give a command: {string.Join(", ", verbs)}; zephyr --help says what they do";
        if (first.StartsWith('-')) return $"{NameOf(first)}: unknown option; options stand after a command: {string.Join(", ", verbs)}";
        return NearestName.Find(first, verbs) is { } nearest
            ? $"zephyr: unknown command \"{first}\"; did you mean {nearest}?"
            : $"zephyr: unknown command \"{first}\"; there are {string.Join(", ", verbs)}";
    }

    private static IEnumerable<string> ExplainUnmatched(IReadOnlyList<string> tokens, Command command)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            if (!IsOption(tokens[i]))
            {
                var hint = tokens[i].EndsWith(".yaml", StringComparison.Ordinal) ? $"; did you mean --config {tokens[i]}?" : "";
                yield return $"zephyr {command.Name}: found \"{tokens[i]}\", expected an option{hint}";
                continue;
            }

            yield return $"{NameOf(tokens[i])}: {ExplainOption(NameOf(tokens[i]), command)}";
            // The value of an unknown option is no second mistake.
            if (!tokens[i].Contains('=') && i + 1 < tokens.Count && !IsOption(tokens[i + 1])) i++;
        }
    }

    private static string ExplainOption(string written, Command command)
    {
        var key = written.TrimStart('-').Replace('-', '_');
        if ((command as SchemaCommand)?.ExplainForeign(key) is { } foreign) return foreign;
        var names = command.Options.OfType<KeyOption>().SelectMany(option => new[] { option.Key.Option, option.Key.Alias is { } alias ? "--" + alias : null });
        return NearestName.Find(written, names.OfType<string>().Append("--help")) is { } nearest
            ? $"unknown option; did you mean {nearest}?"
            : $"unknown option; zephyr {command.Name} --help lists them";
    }

    private static bool IsOption(string token) => token.Length > 1 && token[0] == '-' && !char.IsAsciiDigit(token[1]) && token[1] != '.';

    private static string NameOf(string token) => token.Split('=', ':')[0];
}
