using Zephyr.Configuration;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Weights;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>A model and the tokenizer that gives it its ids, known to fit each other. Owns the model.</summary>
public sealed class TextModel : IDisposable
{
    private TextModel(MistralForCausalLM model, MistralTokenizer tokenizer, string? note) => (Model, Tokenizer, Note) = (model, tokenizer, note);

    /// <summary>The model, without gradients.</summary>
    public MistralForCausalLM Model { get; }

    /// <summary>Its tokenizer.</summary>
    public MistralTokenizer Tokenizer { get; }

    /// <summary>What is to be known of how it was loaded, as a sentence; null for nothing.</summary>
    public string? Note { get; }

    /// <summary>Loads both from a model folder, for generation and evaluation.</summary>
    /// <param name="folder">config.json, *.safetensors, tokenizer.model; or an adapter folder.</param>
    /// <param name="loading">Where it goes, and how its weights are held.</param>
    /// <param name="baseFolder">The plain model under an adapter, where not the one that its config names.</param>
    /// <exception cref="UserErrorException">The folder holds no such model, or the two do not fit.</exception>
    public static TextModel Load(string folder, LoadOptions loading, string? baseFolder = null)
    {
        var source = ModelSource.Of(folder, baseFolder);
        var config = source.ReadConfig();
        var tokenizer = MistralTokenizer.Load(source.TokenizerFolder);
        RequireFit(tokenizer, config, folder);
        return new(ModelLoading.Load(source, loading), tokenizer, ModelLoading.Note(source, loading));
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    /// <summary>Refuses a tokenizer whose ids the model has no embedding for.</summary>
    internal static void RequireFit(MistralTokenizer tokenizer, MistralConfig config, string folder)
    {
        if (tokenizer.VocabularySize > config.VocabSize)
            throw new UserErrorException($"the tokenizer has {tokenizer.VocabularySize} pieces and {folder} an embedding of "
                + $"{config.VocabSize} rows: expected a tokenizer that fits the model");
    }

    /// <summary>Refuses a sequence length that the model has no positions for.</summary>
    internal static void RequirePositions(MistralConfig config, string folder, string key, int length)
    {
        if (length > config.MaxPositionEmbeddings)
            throw new UserErrorException($"{key}: {length} is more than the model's max_position_embeddings ({config.MaxPositionEmbeddings} in {folder})");
    }
}
