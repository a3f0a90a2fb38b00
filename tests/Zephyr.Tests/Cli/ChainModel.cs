using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Weights;
using Zephyr.Tests.Data.Text;
using static TorchSharp.torch;

namespace Zephyr.Tests.Cli;

/// <summary>
/// A model folder whose answer is known: its layers add nothing, and its head turns each token into the one that follows it
/// in a given chain. Every token may stand in the chain once, but for the last one, which may lead back.
/// </summary>
internal static class ChainModel
{
    public static void Write(string folder, params int[] chain) => Write(folder, 64, chain);

    /// <summary>A model that answers everything with a text of different letters.</summary>
    public static string Saying(string folder, string text)
    {
        Directory.CreateDirectory(folder);
        // A judge's question takes a token a byte.
        Write(folder, 20_000, [3 + '\n', .. BytesOf(text), 2]);
        return folder;
    }

    private static void Write(string folder, int positions, int[] chain)
    {
        using var model = Create(positions, chain);
        ModelFolder.Save(folder, model.Config, model.Parameters.All, long.MaxValue);
        TokenizerFiles.Write(folder, TinyTokenizer.Create(), model.Config.MaxPositionEmbeddings);
    }

    /// <summary>The model by itself; <see cref="TinyTokenizer"/> goes with it.</summary>
    public static MistralForCausalLM Create(int positions, params int[] chain)
    {
        var config = new MistralConfig
        {
            VocabSize = TinyTokenizer.Create().VocabularySize,
            HiddenSize = 288,
            IntermediateSize = 2,
            NumHiddenLayers = 1,
            NumAttentionHeads = 1,
            NumKeyValueHeads = 1,
            HeadDim = 2,
            MaxPositionEmbeddings = positions,
            InitializerRange = 0,
        };
        var model = FreshModel.Create(config, seed: 1, CPU, trainable: false);
        using (no_grad())
        using (NewDisposeScope())
        {
            model.Parameters["model.embed_tokens.weight"].copy_(eye(config.VocabSize, config.HiddenSize));
            for (var i = 0; i + 1 < chain.Length; i++) model.Head_VD[chain[i + 1], chain[i]] = 1f;
        }
        return model;
    }

    /// <summary>The ids of the bytes of a text, which the tokenizer may also know as a piece.</summary>
    public static int[] BytesOf(string text) => [.. System.Text.Encoding.UTF8.GetBytes(text).Select(value => 3 + value)];
}
