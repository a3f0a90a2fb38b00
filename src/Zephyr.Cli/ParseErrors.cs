using System.CommandLine;
using System.CommandLine.Parsing;
using Zephyr.Cli.Commands;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Cli;

/// <summary>Says in our own sentences what the parser could not take.</summary>
internal static class ParseErrors
{
    /// <summary>What keeps the command from being run at all; null where nothing does.</summary>
    public static string? OfCommand(ParseResult parsed)
    {
        if (parsed.CommandResult.Command is not SchemaCommand)
            return parsed is { Errors.Count: 0, UnmatchedTokens.Count: 0 } ? null : ExplainGroup(parsed, parsed.CommandResult.Command);
        return parsed.Errors switch
        {
            [] => null,
            [{ SymbolResult: OptionResult { Tokens.Count: 0 } option }, ..] => $"{option.IdentifierToken?.Value ?? option.Option.Name}: needs a value",
            // What has no sentence of ours keeps the package's.
            [var error, ..] => error.Message,
        };
    }

    /// <summary>What is wrong with a command's arguments before any value is looked at.</summary>
    public static IReadOnlyList<LocatedProblem> OfArguments(ParseResult parsed) =>
        [.. ExplainUnmatched(parsed, (SchemaCommand)parsed.CommandResult.Command)];

    private static string ExplainGroup(ParseResult parsed, Command group)
    {
        var verbs = group.Subcommands.Select(command => command.Name).ToList();
        var name = group is RootCommand ? "zephyr" : $"zephyr {group.Name}";
        if (parsed.UnmatchedTokens is not [var first, ..])
            return $"{name}: give a command: {string.Join(", ", verbs)}; {name} --help says what they do";
        if (first.StartsWith('-')) return $"{NameOf(first)}: unknown option; options stand after a command: {string.Join(", ", verbs)}";
        return NearestName.Find(first, verbs) is { } nearest
            ? $"{name}: unknown command \"{first}\"; did you mean {nearest}?"
            : $"{name}: unknown command \"{first}\"; there are {string.Join(", ", verbs)}";
    }

    private static IEnumerable<LocatedProblem> ExplainUnmatched(ParseResult parsed, SchemaCommand command)
    {
        var tokens = parsed.UnmatchedTokens;
        for (var i = 0; i < tokens.Count; i++)
        {
            if (Arguments.IsOption(tokens[i]))
            {
                yield return new(null, null, NameOf(tokens[i]), ExplainOption(NameOf(tokens[i]), command));
                // The value of an unknown option is no second mistake.
                if (!tokens[i].Contains('=') && i + 1 < tokens.Count && !Arguments.IsOption(tokens[i + 1])) i++;
                continue;
            }
            if (OptionBefore(parsed, tokens[i]) is { Key.Kind: ConfigKind.TextList or ConfigKind.NumberList } list)
            {
                yield return new(null, null, list.Key.Option, $"found \"{tokens[i]}\" behind its value, expected one value: quote a glob, or write [a, b]");
                // A glob that the shell has expanded is one mistake, not a thousand.
                while (i + 1 < tokens.Count && !Arguments.IsOption(tokens[i + 1])) i++;
                continue;
            }
            var hint = tokens[i].EndsWith(".yaml", StringComparison.Ordinal) ? $"; did you mean --config {tokens[i]}?" : "";
            var commands = command.Subcommands.Count == 0 ? "" : $"{string.Join(", ", command.Subcommands.Select(below => below.Name))} or ";
            yield return new(null, null, "", $"zephyr {command.FullName}: found \"{tokens[i]}\", expected {commands}an option{hint}");
        }
    }

    /// <summary>The option that an argument stands behind, one or more values later.</summary>
    private static KeyOption? OptionBefore(ParseResult parsed, string argument)
    {
        var known = parsed.CommandResult.Command.Options.OfType<KeyOption>().ToList();
        return parsed.Tokens.TakeWhile(token => token.Value != argument || token.Type == TokenType.Option)
            .Where(token => Arguments.IsOption(token.Value))
            .Select(token => known.FirstOrDefault(option => option.Name == token.Value || option.Aliases.Contains(token.Value)))
            .LastOrDefault();
    }

    private static string ExplainOption(string written, SchemaCommand command)
    {
        var key = written.TrimStart('-').Replace('-', '_');
        if (command.ExplainForeign(key) is { } foreign) return foreign;
        var names = command.Options.OfType<KeyOption>().SelectMany(option => new[] { option.Key.Option, option.Key.Alias is { } alias ? "--" + alias : null });
        return NearestName.Find(written, names.OfType<string>().Append("--help")) is { } nearest
            ? $"unknown option; did you mean {nearest}?"
            : $"unknown option; zephyr {command.FullName} --help lists them";
    }

    private static string NameOf(string token) => token.Split('=', ':')[0];
}
