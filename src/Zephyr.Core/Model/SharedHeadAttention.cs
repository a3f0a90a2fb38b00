using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Model;

/// <summary>
/// Scaled dot-product attention where S = H / K query heads share a key head. The K groups stand where the kernel expects a batch, and a key
/// head is shown to its group as often as it has members without being copied.
/// </summary>
internal static class SharedHeadAttention
{
    /// <param name="q_THE">[Tq, H, E]</param>
    /// <param name="k_TKE">[Tk, K, E]</param>
    /// <param name="v_TKE">[Tk, K, E]</param>
    /// <param name="mask">[Tq, Tk], true (or 0) where the key is seen, false (or -infinity) where not; null for none.</param>
    /// <param name="isCausal">Each query sees the keys up to its own row; only where Tq = Tk.</param>
    /// <returns>[K, S, Tq, E]</returns>
    public static Tensor Attend(Tensor q_THE, Tensor k_TKE, Tensor v_TKE, Tensor? mask, bool isCausal)
    {
        var (groups, share) = (k_TKE.shape[1], q_THE.shape[1] / k_TKE.shape[1]);
        return scaled_dot_product_attention(Grouped(q_THE, groups), Shown(k_TKE, share), Shown(v_TKE, share), mask!, 0.0, isCausal);
    }

    /// <summary>Rows of heads, [T, H, E], as the kernel sees them: [K, S, T, E]. A view.</summary>
    public static Tensor Grouped(Tensor x_THE, long groups) =>
        x_THE.view(x_THE.shape[0], groups, x_THE.shape[1] / groups, x_THE.shape[2]).permute(1, 2, 0, 3);

    /// <summary>Lays what came of several sequences end to end, as rows of heads: [T, H, E].</summary>
    public static Tensor Join(IReadOnlyList<Tensor> mixed_KSTE)
    {
        var rows = mixed_KSTE.Select(part => part.permute(2, 0, 1, 3)).ToList();
        var all_TKSE = rows.Count == 1 ? rows[0] : cat(rows, 0);
        return all_TKSE.reshape(all_TKSE.shape[0], -1, all_TKSE.shape[3]);
    }

    private static Tensor Shown(Tensor x_TKE, long share)
    {
        var (tokens, groups, width) = (x_TKE.shape[0], x_TKE.shape[1], x_TKE.shape[2]);
        return x_TKE.unsqueeze(2).expand(tokens, groups, share, width).permute(1, 2, 0, 3);
    }
}
