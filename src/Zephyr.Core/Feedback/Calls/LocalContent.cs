using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>What a local model is, whatever its folder is called: answers of another training in the same folder are not its answers.</summary>
internal static class LocalContent
{
    private static readonly string[] Files = ["config.json", "generation_config.json", "*.safetensors", "tokenizer.model", "tokenizer.json", "tokenizer_config.json", "adapter_config.json"];

    /// <summary>What answers under a model's name, for <see cref="CallKey"/>: an endpoint's name of the model, or the content of a local one.</summary>
    /// <exception cref="UserErrorException">A file of a local one cannot be read.</exception>
    public static string IdentityOf(PoolModel model) => model.IsLocal ? Of(model.Options) : model.Options.Model ?? model.Name;

    /// <summary>
    /// A short name for the content of a model's folder and for what it is made of that: rounded to 4 bits or to bf16 it answers otherwise. Where it runs is not part of it, and neither is what nobody
    /// asked for, so that journals of before have their answers found.
    /// </summary>
    private static string Of(EndpointOptions options)
    {
        var lines = LinesOf(options.Local!, options.Base);
        if (options.Dtype != "auto") lines += $"in {options.Dtype}\n";
        if (options.LoadIn4Bit) lines += options.UseBnbNestedQuant ? "in nf4, nested\n" : "in nf4\n";
        if (options.AutoInsertEmptySystemMsg) lines += "with an empty system turn\n";
        return Hash(lines);
    }

    private static string Hash(string lines) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines)))[..32]}";

    private static string LinesOf(string folder, string? baseFolder)
    {
        var hashes = new FileHashes();
        var files = Files.SelectMany(pattern => Directory.EnumerateFiles(folder, pattern)).Order(StringComparer.Ordinal);
        var lines = string.Concat(files.Select(file => $"{Path.GetFileName(file)} {hashes.Of(file)}\n"));
        return (baseFolder ?? BaseOf(folder)) is { } under ? lines + $"on {Hash(LinesOf(under, null))}\n" : lines;
    }

    /// <summary>The model under an adapter, where it is one on this machine; what cannot be read here, the model's own reader will say.</summary>
    private static string? BaseOf(string folder)
    {
        try
        {
            var config = Path.Combine(folder, "adapter_config.json");
            if (!File.Exists(config)) return null;
            using var document = JsonDocument.Parse(File.ReadAllBytes(config));
            return document.RootElement.TryGetProperty("base_model_name_or_path", out var value) && value.GetString() is { } path && path != folder && File.Exists(Path.Combine(path, "config.json")) ? path : null;
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
