using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace Zephyr.Model.Quantization;

/// <summary>A code book on a device: numbers in blocks, each divided by the largest of its block, become codes and come back.</summary>
internal sealed class BlockCodes
{
    private static readonly ConcurrentDictionary<string, BlockCodes> Nf4s = [], Dynamics = [];

    private readonly Tensor _bounds;

    private BlockCodes(CodeBook book, Device device)
    {
        using var scope = NewDisposeScope();
        Values = tensor(book.Values, device: device).DetachFromDisposeScope();
        _bounds = tensor(book.Bounds, device: device).DetachFromDisposeScope();
    }

    /// <summary>NF4's on a device; made once and kept.</summary>
    public static BlockCodes Nf4(Device device) => Nf4s.GetOrAdd($"{device}", _ => new(CodeBook.Nf4, device));

    /// <summary>The dynamic map's on a device; made once and kept.</summary>
    public static BlockCodes Dynamic(Device device) => Dynamics.GetOrAdd($"{device}", _ => new(CodeBook.Dynamic, device));

    /// <summary>What the codes stand for, fp32.</summary>
    public Tensor Values { get; }

    /// <summary>
    /// Codes of blocks. Where a block is all 0 its codes are those of 0: bitsandbytes divides 0 by 0 there and takes the first code, which decodes to as good as 0 only where the largest is stored exactly.
    /// </summary>
    /// <param name="blocks_BN">fp32, contiguous.</param>
    /// <param name="largest_B">max |x| of each block, fp32.</param>
    /// <returns>[B, N], int32.</returns>
    public Tensor Of(Tensor blocks_BN, Tensor largest_B)
    {
        using var scope = NewDisposeScope();
        using Scalar zero = 0;
        var inverse_B = largest_B.reciprocal();
        inverse_B.masked_fill_(inverse_B.isinf(), zero);
        return bucketize(blocks_BN * inverse_B.unsqueeze(1), _bounds, true, false).MoveToOuterDisposeScope();
    }

    /// <summary>max |x| of blocks.</summary>
    /// <param name="x">fp32, one axis.</param>
    /// <param name="width">Numbers in a block; the last one may be shorter.</param>
    /// <returns>The blocks, the last one filled up with 0, and the largest of each.</returns>
    public static (Tensor Blocks_BN, Tensor Largest_B) Cut(Tensor x, int width)
    {
        var short_ = (int)(-x.numel() % width + width) % width;
        var blocks = (short_ == 0 ? x : cat([x, zeros(short_, dtype: x.dtype, device: x.device)])).view(-1, width);
        return (blocks, blocks.abs().amax([1]));
    }

    /// <summary>Multiplies each block by its factor, in place.</summary>
    /// <param name="x">fp32, one axis, contiguous.</param>
    /// <param name="factors_B">One a block.</param>
    /// <param name="width">Numbers in a block; the last one may be shorter.</param>
    public static void Scale(Tensor x, Tensor factors_B, int width)
    {
        var whole = x.numel() / width;
        if (whole > 0) x.narrow(0, 0, whole * width).view(whole, width).mul_(factors_B.narrow(0, 0, whole).unsqueeze(1));
        if (whole * width < x.numel()) x.narrow(0, whole * width, x.numel() - whole * width).mul_(factors_B.narrow(0, whole, 1));
    }
}
