using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Quantization;

/// <summary>
/// The largest number of each block of a matrix: as fp32, or quantized once more (QLoRA's double quantization): less their mean, in 8 bits of the dynamic map, in blocks of 256 with an fp32
/// factor each. That takes 8.13 bits a block in place of 32.
/// </summary>
internal sealed class BlockScales : IDisposable
{
    private const int Width = 256;
    private readonly Tensor _scales;
    private readonly Tensor? _codes, _mean;

    /// <param name="largest_B">fp32; taken over where it is kept as it is.</param>
    /// <param name="nested">Quantize it once more.</param>
    public BlockScales(Tensor largest_B, bool nested)
    {
        using var scope = NewDisposeScope();
        if (!nested)
        {
            _scales = largest_B.DetachFromDisposeScope();
            return;
        }
        // Devices add in other orders, and a last digit of the mean can turn a code: the CPU's gives the same weights everywhere.
        _mean = largest_B.cpu().mean().to(largest_B.device).DetachFromDisposeScope();
        var (blocks, largest) = BlockCodes.Cut(largest_B - _mean, Width);
        _scales = largest.DetachFromDisposeScope();
        _codes = BlockCodes.Dynamic(largest_B.device).Of(blocks, largest).view(-1).narrow(0, 0, largest_B.numel()).clone().DetachFromDisposeScope();
    }

    /// <summary>The tensors, for who counts or compares them.</summary>
    public IEnumerable<Tensor> Tensors => _codes is null ? [_scales] : [_codes, _scales, _mean!];

    /// <summary>[B], fp32; the caller's scope has it.</summary>
    public Tensor Values()
    {
        if (_codes is null) return _scales.alias();
        using var scope = NewDisposeScope();
        var values = BlockCodes.Dynamic(_codes.device).Values.index_select(0, _codes.to_type(ScalarType.Int32));
        BlockCodes.Scale(values, _scales, Width);
        return values.add_(_mean!, KeptScalar.One).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var tensor in Tensors) tensor.Dispose();
    }
}
