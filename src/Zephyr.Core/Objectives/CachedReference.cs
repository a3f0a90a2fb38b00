using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Zephyr.Data.Text;
using static TorchSharp.torch;

namespace Zephyr.Objectives;

/// <summary>The reference's log-probabilities of one pair's answers.</summary>
/// <param name="Chosen">log pi_ref(y_w | x)</param>
/// <param name="Rejected">log pi_ref(y_l | x)</param>
public readonly record struct ReferencePair(float Chosen, float Rejected);

/// <summary>Log-probabilities that were computed before training: the reference itself is not in memory.</summary>
/// <param name="known">By <see cref="KeyOf"/>.</param>
/// <param name="device">The policy's.</param>
public sealed class CachedReference(IReadOnlyDictionary<UInt128, ReferencePair> known, Device device) : IReferenceLogProbs
{
    /// <summary>Names a pair by its token ids, so that no other template, tokenizer or truncation can be mistaken for it: half of a SHA-256.</summary>
    public static UInt128 KeyOf(TokenizedPair pair)
    {
        ArgumentNullException.ThrowIfNull(pair);
        int[] content = [pair.PromptIds.Length, pair.ChosenIds.Length, .. pair.PromptIds, .. pair.ChosenIds, .. pair.RejectedIds];
        return BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(MemoryMarshal.AsBytes(content.AsSpan())));
    }

    /// <inheritdoc/>
    /// <exception cref="KeyNotFoundException">A pair was never computed: the cache was not filled for these rows.</exception>
    public Tensor SumsOf(IReadOnlyList<TokenizedPair> pairs)
    {
        var found = pairs.Select(pair => known[KeyOf(pair)]).ToList();
        return tensor([.. found.Select(pair => pair.Chosen), .. found.Select(pair => pair.Rejected)], device: device);
    }
}
