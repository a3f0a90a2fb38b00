using System.Text.Json;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Weights;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>A model folder by its headers: what it holds and whether it is whole.</summary>
/// <param name="Folder">Where it stands.</param>
/// <param name="Summary">Shape and tensors.</param>
/// <param name="Tokenizer">"32000 pieces, fits"; or what is wrong with it.</param>
/// <param name="TokenizerFits">Whether there is one that fits.</param>
/// <param name="Generation">generation_config.json on one line; null where there is none.</param>
public sealed record ModelInspection(string Folder, ModelSummary Summary, string Tokenizer, bool TokenizerFits, string? Generation)
{
    /// <summary>Whether a stage could start from it as it stands.</summary>
    public bool IsWhole => TokenizerFits && !Summary.Differences.Any;

    /// <summary>Reads a folder; no weight is read.</summary>
    /// <exception cref="UserErrorException">It holds no such model, or a file of it is broken.</exception>
    public static ModelInspection Of(string folder)
    {
        var summary = ModelSummary.Read(folder);
        var (tokenizer, fits) = TokenizerOf(folder, summary.Config);
        return new(folder, summary, tokenizer, fits, GenerationOf(Path.Combine(folder, "generation_config.json")));
    }

    /// <summary>The tokenizer of a folder in a few words, and whether it fits the model.</summary>
    internal static (string Words, bool Fits) TokenizerOf(string folder, MistralConfig config)
    {
        try
        {
            var tokenizer = MistralTokenizer.Load(folder);
            TextModel.RequireFit(tokenizer, config, folder);
            var marks = (tokenizer.BosId, tokenizer.EosId) == (config.BosTokenId, config.EosTokenId) ? ""
                : $"; its <s> and </s> are {tokenizer.BosId} and {tokenizer.EosId}, config.json says {config.BosTokenId} and {config.EosTokenId}";
            return ($"{tokenizer.VocabularySize} pieces{marks}", marks.Length == 0);
        }
        catch (UserErrorException unfit)
        {
            return (unfit.Message, false);
        }
    }

    private static string? GenerationOf(string path)
    {
        if (!File.Exists(path)) return null;
        try
        {
            using var json = JsonDocument.Parse(UserFile.ReadBytes(path, "model's generation config", 1 << 20));
            return string.Join(", ", json.RootElement.EnumerateObject().Select(entry => $"{entry.Name} {entry.Value.GetRawText()}"));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or UserErrorException)
        {
            return $"cannot be read: {error.Message}";
        }
    }
}
