using System.Runtime.InteropServices;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Generation;

/// <summary>Continues a prompt token by token.</summary>
public sealed class TextGenerator(MistralForCausalLM model)
{
    /// <summary>The new tokens as they come, without the prompt; ends before &lt;/s&gt;, or at the most tokens asked for.</summary>
    /// <param name="promptIds">At least one token.</param>
    /// <param name="options">How to choose, and how many.</param>
    /// <exception cref="UserErrorException">
    /// The prompt leaves no room in the positions the model was made for, or has ids that the model does not know.
    /// </exception>
    public IEnumerable<int> Generate(int[] promptIds, SamplingOptions options)
    {
        var room = model.Config.MaxPositionEmbeddings - promptIds.Length;
        if (room < 1)
            throw new UserErrorException($"the prompt has {promptIds.Length} tokens, the model was made for {model.Config.MaxPositionEmbeddings} (max_position_embeddings)");
        if (promptIds.Max() is var largest && largest >= model.Config.VocabSize)
            throw new UserErrorException($"the prompt holds the token id {largest}, the model knows ids under {model.Config.VocabSize} (vocab_size); "
                + "its tokenizer is not the one it was made with");
        var most = Math.Min(options.MaxNewTokens, room);
        var embedding = model.Parameters[WeightNames.Embedding];
        using var cache = new KeyValueCache(model.Config, promptIds.Length + most, embedding.dtype, model.Device);
        var sampler = new Sampler(options);
        var input = promptIds;
        for (var i = 0; i < most; i++)
        {
            var next = Next(input, cache, sampler);
            if (next == model.Config.EosTokenId) yield break;
            yield return next;
            input = [next];
        }
    }

    /// <summary>The token after <paramref name="input"/>. All tensors live and die in here, on the caller's thread.</summary>
    private int Next(int[] input, KeyValueCache cache, Sampler sampler)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        int[] positions = [.. Enumerable.Range(cache.Length, input.Length)];
        var hidden_TD = model.HiddenStates(input, positions, cache);
        cache.Length += input.Length;
        var logits_1V = model.Logits(hidden_TD.narrow(0, input.Length - 1, 1)).cpu();
        return sampler.Choose(MemoryMarshal.Cast<byte, float>(logits_1V.bytes));
    }
}
