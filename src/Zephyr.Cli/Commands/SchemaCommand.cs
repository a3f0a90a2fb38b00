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

    /// <summary>The line after "Usage: zephyr NAME".</summary>
    public string Usage { get; }

    /// <summary>Its own options first, then a stage's configuration.</summary>
    public IReadOnlyList<ConfigSchema> Schemas { get; }

    /// <summary>Whose key this is, where it is another stage's.</summary>
    public string? ExplainForeign(string key) => Schemas.Select(schema => schema.ExplainForeign(key)).FirstOrDefault(text => text is not null);

    /// <summary>A command that takes options only: they are read into <typeparamref name="T"/>, checked, and handed to <paramref name="run"/>.</summary>
    public static Command OfOptions<T>(CliSession session, string name, string description, string usage, Func<T, CliSession, int> run)
        where T : class, new()
    {
        var schema = ConfigSchema.Of<T>();
        var command = new SchemaCommand(name, description, usage, schema);
        command.SetAction(parsed => run(ConfigReader.Read<T>(null, KeyOption.Collect(parsed, schema), ParseErrors.OfArguments(parsed)).Value, session));
        return command;
    }
}
