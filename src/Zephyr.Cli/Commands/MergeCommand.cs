using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;
using static Zephyr.Configuration.Check;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr merge.</summary>
internal sealed record MergeOptions : IOptionGroup
{
    [ConfigKey("PEFT adapter folder: adapter_config.json, adapter_model.safetensors", Required = true)]
    public string Model { get; init; } = "";

    [ConfigKey("folder that is made; what is there already is never overwritten", Required = true)]
    public string OutputDir { get; init; } = "";

    [ConfigKey("plain model under the adapter, where not the one that its adapter_config.json names")]
    public string? Base { get; init; }

    [ConfigKey("data type that is written: float32, bfloat16, float16; as the plain model is stored when not given", Alias = "dtype")]
    public string? TorchDtype { get; init; }

    [ConfigKey("largest weight file")]
    public string MaxShardSize { get; init; } = "5GB";

    [ConfigKey("one JSON document instead of a sentence")]
    public bool Json { get; init; }

    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. TorchDtype is null ? [] : OneOf("torch_dtype", TorchDtype, "float32", "bfloat16", "float16"),
        .. new CadenceOptions { MaxShardSize = MaxShardSize }.Validate(),
    ];
}

/// <summary>zephyr merge.</summary>
internal static class MergeCommand
{
    private const string Usage = "--model ADAPTER --output_dir DIR [--base DIR] [--dtype float32|bfloat16|float16] [--max_shard_size SIZE] [--json]";

    public static Command Create(CliSession session) => SchemaCommand.OfOptions<MergeOptions>(
        session, "merge", "An adapter and the model under it become a plain model folder.", Usage, Run);

    private static int Run(MergeOptions options, CliSession session)
    {
        var merged = MergedModel.Write(new(options.Model, options.OutputDir, options.Base, options.TorchDtype, ByteSize.Parse(options.MaxShardSize)), session.Cancellation);
        if (options.Json) JsonResult.Write(session.Console.Output, new { options.OutputDir, merged.Base, merged.Modules, merged.Parameters, merged.TorchDtype });
        else session.Console.Output.WriteLine(PlainText.OneLine($"{options.OutputDir}: {merged.Base} with {merged.Modules} matrices of {options.Model} merged, "
            + $"{PlainText.Whole(merged.Parameters)} parameters in {merged.TorchDtype}"));
        if (merged.Note is { } note) session.Console.Error.WriteLine(PlainText.OneLine($"note: {note}"));
        return ExitCodes.Done;
    }
}
