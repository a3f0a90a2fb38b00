using Zephyr.Runtime;

namespace Zephyr.Model.Generation;

/// <summary>What a batch may take.</summary>
/// <param name="MaxSequences">The most answers at a time.</param>
/// <param name="CacheTokens">The most tokens whose keys and values are held at a time, over all answers; 0 for what <see cref="DefaultCacheBytes"/> hold, or three quarters of what a GPU has free where that is less.</param>
/// <param name="PrefillTokens">The most tokens of prompts in one pass: those who wait for their next token wait for this at most.</param>
public sealed record BatchLimits(int MaxSequences = 16, int CacheTokens = 0, int PrefillTokens = 512)
{
    /// <summary>Memory of keys and values where no number of tokens is given.</summary>
    public const long DefaultCacheBytes = 4L << 30;

    /// <summary>The tokens that can be held: as given, else as many as the default's bytes hold, and never more than all answers can have.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="bytesOfNumber">Of keys and values.</param>
    /// <param name="free">What the device has free; null where nobody says.</param>
    internal int TokensFor(MistralConfig config, int bytesOfNumber, long? free)
    {
        var most = (long)MaxSequences * KeyValueArena.Whole(config.MaxPositionEmbeddings);
        var bytes = 2L * config.NumHiddenLayers * config.NumKeyValueHeads * config.HeadDim * bytesOfNumber;
        var held = CacheTokens > 0 ? CacheTokens : Math.Max(KeyValueArena.Block, Math.Min(DefaultCacheBytes, free * 3 / 4 ?? long.MaxValue) / bytes);
        return (int)Math.Min(int.MaxValue / 2, Math.Min(most, held));
    }
}

/// <summary>A prompt that leaves no room for an answer.</summary>
/// <param name="message">One sentence.</param>
/// <param name="tokens">Tokens of the prompt.</param>
/// <param name="room">Tokens that prompt and answer may have together.</param>
public sealed class PromptTooLongException(string message, int tokens, int room) : UserErrorException(message)
{
    /// <summary>Tokens of the prompt.</summary>
    public int Tokens { get; } = tokens;

    /// <summary>Tokens that prompt and answer may have together.</summary>
    public int Room { get; } = room;
}
