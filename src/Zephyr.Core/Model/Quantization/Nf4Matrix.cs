using TorchSharp;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Quantization;

/// <summary>
/// A matrix in NF4 (QLoRA, arXiv 2305.14314) as bitsandbytes lays it out: its numbers in the order of memory, row after row, in blocks of 64; each divided by the largest of its block and rounded to one
/// of 16 codes; two codes a byte, the first in the upper half. With double quantization a number takes 4 + 8/64 + 32/(64 x 256) = 4.127 bits, without it 4.5. Owns its tensors.
/// </summary>
public sealed class Nf4Matrix : IDisposable
{
    /// <summary>Numbers in a block.</summary>
    public const int Block = 64;

    /// <summary>Numbers that are quantized or brought back at a time, a multiple of <see cref="Block"/>: on the CPU what its caches hold, elsewhere what keeps a card busy (some 200 MiB besides the result).</summary>
    internal static int PieceOn(bool cpu) => cpu ? 1 << 17 : 1 << 24;

    private static int PieceOn(Device device) => PieceOn(device.type == DeviceType.CPU);

    private readonly BlockScales _scales;

    private Nf4Matrix(long[] shape, Tensor packed, BlockScales scales) => (Shape, Packed, _scales) = (shape, packed, scales);

    /// <summary>Sizes.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>How many numbers it holds.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>The codes, uint8, half as many as there are numbers (rounded up).</summary>
    public Tensor Packed { get; }

    /// <summary>What it takes in memory.</summary>
    public long Bytes => _scales.Tensors.Prepend(Packed).Sum(tensor => tensor.numel() * tensor.element_size());

    /// <summary>Where it is.</summary>
    public Device Device => Packed.device;

    /// <summary>Quantizes a matrix, from its own numbers whatever their data type, a piece of it in fp32 at a time.</summary>
    /// <param name="matrix">Contiguous, finite. Not owned.</param>
    /// <param name="nested">Quantize the blocks' largest numbers too (double quantization).</param>
    public static Nf4Matrix Quantize(Tensor matrix, bool nested)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        return Quantize(matrix, nested, PieceOn(matrix.device));
    }

    internal static Nf4Matrix Quantize(Tensor matrix, bool nested, int piece)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var count = matrix.numel();
        var packed = empty((count + 1) / 2, dtype: ScalarType.Byte, device: matrix.device);
        var largest = empty((count + Block - 1) / Block, dtype: ScalarType.Float32, device: matrix.device);
        var codes = BlockCodes.Nf4(matrix.device);
        for (long begin = 0; begin < count; begin += piece)
        {
            using var pieceScope = NewDisposeScope();
            var x = matrix.view(-1).narrow(0, begin, Math.Min(piece, count - begin)).to_type(ScalarType.Float32);
            var (blocks, of) = BlockCodes.Cut(x, Block);
            largest.narrow(0, begin / Block, of.numel()).copy_(of);
            packed.narrow(0, begin / 2, (x.numel() + 1) / 2).copy_(Pairs(codes.Of(blocks, of), (x.numel() + 1) / 2));
        }
        return new([.. matrix.shape], packed.DetachFromDisposeScope(), new(largest, nested));
    }

    /// <summary>The matrix again: each code's number times its block's largest, in fp32, rounded once.</summary>
    /// <param name="dtype">What it is rounded to.</param>
    /// <returns>Of the matrix's shape; the caller's scope has it.</returns>
    public Tensor Dequantize(ScalarType dtype) => Dequantize(dtype, PieceOn(Device));

    internal Tensor Dequantize(ScalarType dtype, int piece)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var result = empty(Count, dtype: dtype, device: Device);
        var (scales, pairs) = (_scales.Values(), PairTable.On(Device));
        for (long begin = 0; begin < Count; begin += piece)
        {
            using var pieceScope = NewDisposeScope();
            var length = Math.Min(piece, Count - begin);
            var numbers = pairs.Of(Packed.narrow(0, begin / 2, (length + 1) / 2)).narrow(0, 0, length);
            BlockCodes.Scale(numbers, scales.narrow(0, begin / Block, (length + Block - 1) / Block), Block);
            result.narrow(0, begin, length).copy_(numbers);
        }
        return result.view([.. Shape]).MoveToOuterDisposeScope();
    }

    /// <summary>The tensors that hold it: codes and scales.</summary>
    internal IEnumerable<Tensor> Tensors => _scales.Tensors.Prepend(Packed);

    /// <inheritdoc/>
    public void Dispose()
    {
        Packed.Dispose();
        _scales.Dispose();
    }

    private static Tensor Pairs(Tensor codes, long bytes)
    {
        using Scalar upper = 16;
        var two = codes.view(-1, 2);
        return two.select(1, 0).mul(upper).add_(two.select(1, 1), KeptScalar.One).narrow(0, 0, bytes); // At most 255: codes of NF4 are bytes already.
    }
}
