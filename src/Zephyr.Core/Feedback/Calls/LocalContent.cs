using System.Security.Cryptography;
using System.Text;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>What a local model is, whatever its folder is called: answers of another training in the same folder are not its answers.</summary>
internal static class LocalContent
{
    private static readonly string[] Files = ["config.json", "generation_config.json", "*.safetensors", "tokenizer.model", "tokenizer.json", "tokenizer_config.json"];

    /// <summary>What answers under a model's name, for <see cref="CallKey"/>: an endpoint's name of the model, or the content of a local one.</summary>
    /// <exception cref="UserErrorException">A file of a local one cannot be read.</exception>
    public static string IdentityOf(PoolModel model) => model.IsLocal ? Of(model.Options.Local!) : model.Options.Model ?? model.Name;

    /// <summary>A short name for the content of a model's folder.</summary>
    /// <exception cref="UserErrorException">A file cannot be read.</exception>
    public static string Of(string folder)
    {
        var hashes = new FileHashes();
        var files = Files.SelectMany(pattern => Directory.EnumerateFiles(folder, pattern)).Order(StringComparer.Ordinal);
        var lines = string.Concat(files.Select(file => $"{Path.GetFileName(file)} {hashes.Of(file)}\n"));
        return $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines)))[..32]}";
    }
}
