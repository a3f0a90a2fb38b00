using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Model.Weights;
using Zephyr.Pipeline;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr inspect model.</summary>
internal sealed record InspectModelOptions
{
    [ConfigKey("model folder: config.json, *.safetensors, tokenizer.model", Required = true)]
    public string Model { get; init; } = "";

    [ConfigKey("with an adapter folder: the plain model under it, where not the one that its adapter_config.json names")]
    public string? Base { get; init; }

    [ConfigKey("a line for every tensor, instead of one for those that all layers have")]
    public bool All { get; init; }

    [ConfigKey("one JSON document instead of tables")]
    public bool Json { get; init; }
}

/// <summary>zephyr inspect model.</summary>
internal static class InspectModelCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<InspectModelOptions>(
        session, "model", "A model folder by its headers: shape, tensors, shards, tokenizer; exit code 2 where a stage could not start from it.",
        "DIR [--base DIR] [--all] [--json]", Run, positional: "model");

    private static int Run(InspectModelOptions options, CliSession session)
    {
        if (AdapterFolder.Is(options.Model)) return RunAdapter(options, session);
        // Refuses a model under it where there is no adapter.
        _ = ModelSource.Of(options.Model, options.Base);
        var model = ModelInspection.Of(options.Model);
        if (options.Json) JsonResult.Write(session.Console.Output, Document(model));
        else ModelTables.Write(session.Console.Results, model, options.All);
        return model.IsWhole ? ExitCodes.Done : ExitCodes.BadInput;
    }

    private static int RunAdapter(InspectModelOptions options, CliSession session)
    {
        var adapter = AdapterInspection.Of(options.Model, options.Base);
        if (options.Json) JsonResult.Write(session.Console.Output, adapter);
        else AdapterTables.Write(session.Console.Results, adapter, options.All);
        return adapter.IsWhole ? ExitCodes.Done : ExitCodes.BadInput;
    }

    private static object Document(ModelInspection model) => new
    {
        model.Folder,
        model.Summary.Config,
        Parameters = model.Summary.Config.ParameterCount,
        Files = model.Summary.Files.Select(file => new { file.Name, file.Bytes }),
        model.Summary.Tensors,
        model.Summary.Differences.Missing,
        model.Summary.Differences.Unexpected,
        model.Summary.Differences.Misshaped,
        model.Tokenizer,
        model.TokenizerFits,
        GenerationConfig = model.Generation,
        model.IsWhole,
    };
}
