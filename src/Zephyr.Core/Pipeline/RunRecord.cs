using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>
/// run.json: what really ran. Configuration with the origin of each value, versions, machine, seed, hashes of what went in, the command that does it again, and
/// what became of it.
/// </summary>
internal static class RunRecord
{
    // Relaxed: the command in it is there to be copied.
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The program's version, with its commit.</summary>
    public static string? Version => typeof(RunRecord).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;

    /// <param name="stage">sft, aif or dpo.</param>
    /// <param name="config">Each key with its value and origin.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="inputs">Files whose content matters: each is hashed.</param>
    /// <param name="hashes">Those that are known already.</param>
    /// <param name="resume">A checkpoint of another folder that the run begins from; null for none.</param>
    public static JsonObject Create(string stage, JsonObject config, long seed, IEnumerable<string> inputs, FileHashes hashes, string? resume = null) => new()
    {
        ["stage"] = stage,
        ["repeat"] = RepeatCommand.Of(stage, config, Environment.CurrentDirectory, resume),
        ["zephyr"] = Version,
        ["dotnet"] = Environment.Version.ToString(),
        ["git_commit"] = GitCommit.Of(Environment.CurrentDirectory),
        ["system"] = Machine.System,
        ["processor"] = Machine.Processor,
        ["seed"] = seed,
        ["config"] = config,
        ["sha256"] = new JsonObject(inputs.Distinct().Order(StringComparer.Ordinal).Select(path => KeyValuePair.Create(path, (JsonNode?)hashes.Of(path)))),
    };

    /// <summary>Adds what concerns torch: versions, device and precision with their reasons.</summary>
    /// <param name="record">What is added to.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="precision">float32, or bfloat16 and what keeps it exact.</param>
    /// <param name="attention">Which way attention goes; recorded where there is a choice.</param>
    /// <param name="resumedFrom">The checkpoint that the run goes on from; null for none.</param>
    public static JsonObject WithTraining(this JsonObject record, torch.Device device, string precision, string attention, string? resumedFrom)
    {
        var native = NativeTorch.Load();
        record["torchsharp"] = typeof(torch).Assembly.GetName().Version?.ToString(3);
        record["libtorch"] = new JsonObject { ["version"] = native.Version, ["origin"] = native.Origin, ["repaired"] = native.Repaired };
        record["threads"] = torch.get_num_threads();
        record["device"] = device.ToString();
        if (device.type == DeviceType.CUDA)
        {
            var gpu = CudaDriver.Devices.ElementAtOrDefault(Math.Max(0, device.index));
            record["gpu"] = new JsonObject { ["name"] = gpu?.Name, ["capability"] = gpu?.Capability.ToString(), ["driver"] = CudaDriver.Version, ["cuda"] = native.Cuda?.ToString() };
            record["attention"] = attention;
        }
        record["precision"] = precision;
        record["resumed_from"] = resumedFrom;
        return record;
    }

    /// <summary>
    /// One short name for the content of files that the record has hashed, wherever they stand and whatever they are called. Their order is part of
    /// it: it is that of the rows.
    /// </summary>
    public static string ContentOf(JsonObject record, IEnumerable<string> files)
    {
        var hashes = files.Select(file => (string)record["sha256"]![file]!);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(hashes))))[..12];
    }

    /// <summary>The record of a folder; null where there is none that can be read.</summary>
    public static JsonObject? Read(string folder)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(Path.Combine(folder, OutputFolder.RecordName))) as JsonObject;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes it beside and renames it into place, without what a path may hold of secrets.</summary>
    /// <exception cref="IOException">It cannot be written; what was there before still is.</exception>
    public static void Write(string path, JsonObject record) => WholeFile.Write(path, Secrets.Mask(record)!.ToJsonString(Indented) + "\n");
}
