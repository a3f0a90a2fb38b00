using TorchSharp;
using static TorchSharp.torch;

namespace Zephyr.Runtime;

/// <summary>
/// ATen operators that TorchSharp does not bind, through TorchScript (design decision 6). A script that does not compile aborts the process,
/// so each group is small, is compiled when it is first called, and has a test.
/// </summary>
public static partial class TorchOps
{
    private static readonly Lazy<jit.CompilationUnit> Activations = Compiled("""
        def silu_backward_(gradient, x):
            return torch.silu_backward(gradient, x, grad_input=gradient)
        def log_softmax_(x):
            return torch._log_softmax(x, 1, False, out=x)
        def row_norms(x):
            return torch.linalg_vector_norm(x, 2, [-1], True)
        """);

    private static readonly Lazy<jit.CompilationUnit> Lists = Compiled("""
        def norms(xs: List[Tensor]):
            return torch._foreach_norm(xs, 2)
        def adamw_(weights: List[Tensor], gradients: List[Tensor], averages: List[Tensor], squares: List[Tensor], steps: List[Tensor],
                   rate: float, beta1: float, beta2: float, decay: float, epsilon: float, scale: Tensor):
            torch._fused_adamw_(weights, gradients, averages, squares, [], steps, lr=rate, beta1=beta1, beta2=beta2, weight_decay=decay, eps=epsilon,
                                amsgrad=False, maximize=False, grad_scale=scale)
        """);

    // A script has no names for data types: 3 is int32, 6 float32. Places are hashed as int32, which the CPU and CUDA multiply and shift alike; shifts carry the sign along, hence the masks.
    // A number's upper 16 bits are the neighbour of bf16 that lies nearer to zero; a draw added to the lower ones carries into them as often as they say. view_copy is the one way to bits that a script has.
    private static readonly Lazy<jit.CompilationUnit> Draws = Compiled("""
        def draws(like, low: int, high: int, begin: int):
            h = torch.arange(like.numel(), dtype=3, device=like.device).add_(begin).bitwise_xor_(low)
            h.bitwise_xor_(torch.bitwise_right_shift(h, 16).bitwise_and_(65535)).mul_(2146121005).bitwise_xor_(high)
            h.bitwise_xor_(torch.bitwise_right_shift(h, 15).bitwise_and_(131071)).mul_(-2073254261)
            h.bitwise_xor_(torch.bitwise_right_shift(h, 16).bitwise_and_(65535)).mul_(2146121005)
            return h.bitwise_xor_(torch.bitwise_right_shift(h, 15).bitwise_and_(131071))
        def keep_mask_(target, share: int, low: int, high: int, begin: int):
            return target.copy_(torch.lt(draws(target, low, high, begin).bitwise_and_(16777215), share))
        def rounded(x, draws):
            bits = draws.bitwise_and_(65535).add_(torch.view_copy(x, dtype=3)).bitwise_and_(-65536)
            return torch.view_copy(bits, dtype=6)
        """);

    /// <summary>Turns d loss / d silu(x), with silu(x) = x s(x), into d loss / d x, in place.</summary>
    public static void SiluBackward(Tensor gradient, Tensor x)
    {
        // The same tensor comes back as a second handle; so below.
        using var alias = (Tensor)Activations.Value.invoke("silu_backward_", gradient, x);
    }

    /// <summary>Turns rows of logits into log-probabilities in place: each row is read whole before it is written, so no second buffer is needed.</summary>
    /// <param name="logits">[C, V]</param>
    public static void LogSoftmax(Tensor logits)
    {
        using var alias = (Tensor)Activations.Value.invoke("log_softmax_", logits);
    }

    /// <summary>The L2 norm of each row, [T, 1]. TorchSharp binds this too, but hands the 2 over in an object that nobody holds (KeptScalar).</summary>
    /// <param name="x">[T, D]</param>
    public static Tensor RowNorms(Tensor x) => (Tensor)Activations.Value.invoke("row_norms", x);

    /// <summary>The L2 norm of each tensor; in one launch where the device has such a kernel.</summary>
    public static Tensor[] Norms(IReadOnlyList<Tensor> tensors) => (Tensor[])Lists.Value.invoke("norms", [tensors.ToArray()]);

    /// <summary>
    /// One step of AdamW over lists of tensors, all fp32, in one pass over memory: gradients are divided by <paramref name="scale"/> (and stay so), the averages move, and
    /// w = w (1 - rate decay) - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).
    /// </summary>
    /// <param name="lists">As many tensors in each.</param>
    /// <param name="numbers">Rate, decay, beta1, beta2, epsilon.</param>
    /// <param name="scale">A scalar tensor on the device.</param>
    public static void AdamW(AdamWLists lists, AdamWNumbers numbers, Tensor scale)
    {
        using Scalar rate = numbers.Rate, beta1 = numbers.Beta1, beta2 = numbers.Beta2, decay = numbers.Decay, epsilon = numbers.Epsilon;
        Lists.Value.invoke("adamw_", lists.Weights.ToArray(), lists.Gradients.ToArray(), lists.Averages.ToArray(), lists.Squares.ToArray(), lists.Steps.ToArray(),
            rate, beta1, beta2, decay, epsilon, scale);
    }

    /// <summary>
    /// Rounds finite numbers to bf16, to the neighbour below or above with the chances that make them right on average, exactly. The draws are a hash of the key and each number's place: the same on every device.
    /// </summary>
    /// <param name="target">bf16; filled.</param>
    /// <param name="x">fp32, one axis, as many.</param>
    /// <param name="key">Of the draws.</param>
    /// <param name="begin">Place of the first number: pieces of a tensor are rounded as the whole is.</param>
    public static void RoundToBfloat16(Tensor target, Tensor x, ulong key, long begin) => InPieces(target, (at, piece) =>
    {
        var exact = x.narrow(0, at, piece.numel());
        RoundToBfloat16(piece, exact, Draw("draws", [exact], key, begin + at));
    });

    /// <summary>The same with draws that are given.</summary>
    /// <param name="target">bf16; filled.</param>
    /// <param name="x">fp32, one axis, as many.</param>
    /// <param name="draws">int32, as many, of which the lower 16 bits are evenly distributed; used up.</param>
    public static void RoundToBfloat16(Tensor target, Tensor x, Tensor draws)
    {
        ArgumentNullException.ThrowIfNull(target);
        using var rounded = (Tensor)Draws.Value.invoke("rounded", x, draws);
        using var alias = target.copy_(rounded);
    }

    /// <summary>Ones and zeros, drawn independently: a pure function of the seed and the number of elements, the same on every device, without the generators that all share.</summary>
    /// <param name="like">Gives shape, data type and device.</param>
    /// <param name="share">Probability of a one, to 2^-24.</param>
    /// <param name="seed">Of the draws.</param>
    public static Tensor KeepMask(Tensor like, double share, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(like);
        using Scalar most = (long)Math.Round(share * (1 << 24));
        var mask = empty(like.shape, dtype: like.dtype, device: like.device);
        using var flat = mask.view(-1);
        InPieces(flat, (at, piece) => _ = Draw("keep_mask_", [piece, most], seed, at));
        return mask;
    }

    private static Tensor Draw(string name, object[] what, ulong key, long begin)
    {
        using Scalar low = unchecked((int)key), high = unchecked((int)(key >> 32)), place = unchecked((int)begin);
        return (Tensor)Draws.Value.invoke(name, [.. what, low, high, place]);
    }

    /// <summary>Numbers that are drawn for at a time: on the CPU what its caches hold, as many passes go over them; on a GPU some that bound what the passes need besides.</summary>
    internal static long PieceOn(bool cpu) => cpu ? 1 << 17 : 1 << 22;

    /// <summary>Goes over a tensor of one axis a piece at a time.</summary>
    internal static void InPieces(Tensor target, Action<long, Tensor> fill)
    {
        var (count, length) = (target.numel(), PieceOn(target.device.type == DeviceType.CPU));
        for (long at = 0; at < count; at += length)
        {
            using var scope = NewDisposeScope();
            fill(at, target.narrow(0, at, Math.Min(length, count - at)));
        }
    }

    private static Lazy<jit.CompilationUnit> Compiled(string script) => new(() => jit.compile(script + "\n"));
}

/// <summary>What <see cref="TorchOps.AdamW"/> works on.</summary>
/// <param name="Weights">fp32.</param>
/// <param name="Gradients">Of the same shapes; overwritten.</param>
/// <param name="Averages">m</param>
/// <param name="Squares">v</param>
/// <param name="Steps">t of this step, a scalar tensor for each weight.</param>
public readonly record struct AdamWLists(
    IReadOnlyList<Tensor> Weights, IReadOnlyList<Tensor> Gradients, IReadOnlyList<Tensor> Averages, IReadOnlyList<Tensor> Squares, IReadOnlyList<Tensor> Steps);

/// <summary>The numbers of an AdamW step.</summary>
/// <param name="Rate">Learning rate.</param>
/// <param name="Decay">Weight decay.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the denominator.</param>
public readonly record struct AdamWNumbers(double Rate, double Decay, double Beta1, double Beta2, double Epsilon);
