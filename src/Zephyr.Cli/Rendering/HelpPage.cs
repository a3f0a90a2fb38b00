using System.CommandLine;
using System.CommandLine.Invocation;
using Zephyr.Cli.Commands;
using Zephyr.Configuration;

namespace Zephyr.Cli.Rendering;

/// <summary>The help of a command: its options and the keys of its configuration by group, with their defaults.</summary>
internal sealed class HelpPage : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        Write(parseResult.CommandResult.Command, parseResult.InvocationConfiguration.Output);
        return ExitCodes.Done;
    }

    /// <summary>Writes the page. It is the same on every terminal: no wrapping, no colours.</summary>
    public static void Write(Command command, TextWriter output)
    {
        output.WriteLine(command.Description);
        output.WriteLine();
        if (command is not SchemaCommand own)
        {
            WriteGroup(command, output);
            return;
        }

        output.WriteLine($"Usage: zephyr {own.FullName} {own.Usage}".TrimEnd());
        if (own.Subcommands.Count > 0)
        {
            output.WriteLine($"       zephyr {own.FullName} COMMAND [OPTIONS]\n\nCommands:");
            foreach (var below in own.Subcommands) output.WriteLine($"  {below.Name,-12}{below.Description}");
        }
        foreach (var schema in own.Schemas) WriteKeys(schema, output);
        if (own.Borrowed.Count > 0)
            output.WriteLine($"\nEvery key of a stage's configuration is an option too: {string.Join(", ", own.Borrowed.Select(schema => $"zephyr {schema.Stage} --help"))} list them.");
        if (own.Schemas.Concat(own.Borrowed).Any(schema => schema.Stage is not null))
            output.WriteLine("\nRelative paths are relative to the current directory. Values of options are YAML: 2e-5, true, [a.jsonl, b.jsonl], null.");
    }

    private static void WriteGroup(Command group, TextWriter output)
    {
        output.WriteLine($"Usage: zephyr {(group is RootCommand ? "" : group.Name + " ")}COMMAND [OPTIONS]\n\nCommands:");
        foreach (var command in group.Subcommands) output.WriteLine($"  {command.Name,-12}{command.Description}");
        if (group is not RootCommand) return;
        output.WriteLine("\nOptions:\n  --help, -h     Show this page, or after a command that command's.\n  --version      Show the version.");
        output.WriteLine("\nResults go to stdout, all else to stderr. Exit codes: 0 done, 1 failed while running, 2 bad usage, config or input, 130 interrupted.");
    }

    private static void WriteKeys(ConfigSchema schema, TextWriter output)
    {
        if (schema.Keys.Count == 0) return;
        output.WriteLine(schema.Stage is null
            ? "\nOptions:"
            : "\nKeys of the configuration, in the file or as options, which win (underscores or hyphens):");
        var names = schema.Keys.ToDictionary(key => key, key => $"{key.Option} {Placeholder(key)}");
        var column = names.Values.Max(name => name.Length) + 2;
        var group = "";
        foreach (var key in schema.Keys)
        {
            if (key.Group != group) output.WriteLine($"\n  {key.Group}");
            group = key.Group;
            output.WriteLine($"  {names[key].PadRight(column)}{key.Help}{Remarks(key)}");
        }
    }

    private static string Placeholder(ConfigKey key) => key.Kind switch
    {
        ConfigKind.Flag => "[true|false]",
        ConfigKind.Whole or ConfigKind.LongWhole => "N",
        ConfigKind.Number => "X",
        ConfigKind.TextList => "TEXT|LIST",
        ConfigKind.NumberList => "X|LIST",
        ConfigKind.NumberMap => "{NAME: X}",
        _ => "TEXT",
    };

    private static string Remarks(ConfigKey key)
    {
        var remarks = key.Required ? "required" : key.Default is null or "" or IReadOnlyList<string> { Count: 0 }
            ? "" : $"default {YamlText.Of(key.Default)}";
        if (key.Alias is not null) remarks += $"{(remarks.Length > 0 ? "; " : "")}also --{key.Alias}";
        return remarks.Length > 0 ? $"  [{remarks}]" : "";
    }
}
