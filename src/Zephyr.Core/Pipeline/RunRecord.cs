using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>run.json: what really ran. Configuration with the origin of each value, versions, device, seed, and hashes of what went in.</summary>
internal static class RunRecord
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <param name="stage">sft, aif or dpo.</param>
    /// <param name="config">Each key with its value and origin.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="inputs">Files whose content matters: each is hashed.</param>
    /// <param name="hashes">Those that are known already.</param>
    public static JsonObject Create(string stage, JsonObject config, long seed, IEnumerable<string> inputs, FileHashes hashes) => new()
    {
        ["stage"] = stage,
        ["zephyr"] = typeof(RunRecord).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion,
        ["dotnet"] = Environment.Version.ToString(),
        ["seed"] = seed,
        ["config"] = config,
        ["sha256"] = new JsonObject(inputs.Distinct().Order(StringComparer.Ordinal).Select(path => KeyValuePair.Create(path, (JsonNode?)hashes.Of(path)))),
    };

    /// <summary>Adds what concerns torch: versions, device and precision with their reasons.</summary>
    /// <param name="record">What is added to.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="precision">float32, or bfloat16 and what keeps it exact.</param>
    /// <param name="resumedFrom">The checkpoint that the run goes on from; null for none.</param>
    public static JsonObject WithTraining(this JsonObject record, string device, string precision, string? resumedFrom)
    {
        var native = NativeTorch.Load();
        record["torchsharp"] = typeof(torch).Assembly.GetName().Version?.ToString(3);
        record["libtorch"] = new JsonObject { ["version"] = native.Version, ["origin"] = native.Origin, ["repaired"] = native.Repaired };
        record["threads"] = torch.get_num_threads();
        record["device"] = device;
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

    /// <summary>Writes it beside and renames it into place.</summary>
    public static void Write(string path, JsonObject record)
    {
        File.WriteAllText(path + ".tmp", record.ToJsonString(Indented) + "\n");
        File.Move(path + ".tmp", path, overwrite: true);
    }
}
