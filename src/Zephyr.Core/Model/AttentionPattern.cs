using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>
/// Which query rows see which key rows. Packing, unequal lengths, and a cache are all this one question (decision 1).
/// Shapes: T tokens, H query heads, K key heads, E width of a head.
/// </summary>
internal interface IAttentionPattern
{
    /// <summary>softmax(q k^T / sqrt(E)) v over the keys each query may see.</summary>
    /// <returns>[T, H, E]</returns>
    Tensor Attend(int layer, Tensor q_THE, Tensor k_TKE, Tensor v_TKE);
}
