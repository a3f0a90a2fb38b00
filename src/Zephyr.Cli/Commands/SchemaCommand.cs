using System.CommandLine;
using Zephyr.Configuration;

namespace Zephyr.Cli.Commands;

/// <summary>A command whose options are the keys of one or two configuration records.</summary>
internal sealed class SchemaCommand : Command
{
    public SchemaCommand(string name, string description, string usage, params ConfigSchema[] schemas) : base(name, description)
    {
        Usage = usage;
        Schemas = schemas;
        // They are refused together with all that is wrong with the values.
        TreatUnmatchedTokensAsErrors = false;
        foreach (var key in schemas.SelectMany(schema => schema.Keys)) Options.Add(new KeyOption(key));
        // A recipe may hold "config" too; as an option it is the command's own.
        foreach (var foreign in schemas.SelectMany(schema => schema.ForeignNames).Where(known => schemas.All(schema => schema.Find(known) is null)))
            Options.Add(new ForeignOption(foreign));
    }

    /// <summary>Its name behind those of the commands it belongs to: "inspect model".</summary>
    public string FullName => string.Join(' ', Parents.OfType<Command>().Where(parent => parent is not RootCommand).Select(parent => parent.Name).Append(Name));

    /// <summary>The key whose value may stand without its option; null for none.</summary>
    public string? Positional { get; init; }

    /// <summary>Takes the keys of configurations as options besides its own, in whatever of them they are keys. The help of those lists them.</summary>
    public SchemaCommand Borrow(params IReadOnlyList<ConfigSchema> schemas)
    {
        var taken = Options.OfType<KeyOption>().SelectMany(option => option.Aliases.Append(option.Name)).ToHashSet();
        foreach (var key in schemas.SelectMany(schema => schema.Keys))
        {
            if (taken.Contains(key.Option)) continue;
            var option = new KeyOption(key, taken);
            Options.Add(option);
            taken.UnionWith(option.Aliases.Append(option.Name));
        }
        Borrowed = [.. Borrowed, .. schemas];
        return this;
    }

    /// <summary>The configurations whose keys it takes besides its own.</summary>
    public IReadOnlyList<ConfigSchema> Borrowed { get; private set; } = [];

    /// <summary>The line after "Usage: zephyr NAME".</summary>
    public string Usage { get; }

    /// <summary>Its own options first, then a stage's configuration.</summary>
    public IReadOnlyList<ConfigSchema> Schemas { get; }

    /// <summary>Whose key this is, where it is another stage's.</summary>
    public string? ExplainForeign(string key) => Schemas.Select(schema => schema.ExplainForeign(key)).FirstOrDefault(text => text is not null);

    /// <summary>A command that takes options only: they are read into <typeparamref name="T"/>, checked, and handed to <paramref name="run"/>.</summary>
    /// <param name="session">The console and the signals.</param>
    /// <param name="name">Its name.</param>
    /// <param name="description">A line for the help.</param>
    /// <param name="usage">What stands behind the name.</param>
    /// <param name="run">Does it.</param>
    /// <param name="positional">The key whose value may stand without its option.</param>
    public static Command OfOptions<T>(
        CliSession session, string name, string description, string usage, Func<T, CliSession, int> run, string? positional = null) where T : class, new()
    {
        var schema = ConfigSchema.Of<T>();
        var command = new SchemaCommand(name, description, usage, schema) { Positional = positional };
        command.SetAction(parsed => run(ConfigReader.Read<T>(null, KeyOption.Collect(parsed, schema), ParseErrors.OfArguments(parsed)).Value, session));
        return command;
    }
}
