using Zephyr.Model;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>
/// Brings a weight, its gradient and its averages together where the optimizer's state lives, a piece at a time: what is on another device or of lower precision
/// passes through buffers of one piece, however large the weight is. With state on the host the gradient comes there (4 bytes a number), the CPU updates, and the
/// weight goes back (2 bytes in bf16): the state itself, 12 bytes a number, never crosses the bus.
/// </summary>
/// <param name="onHost">State lives in host memory, whatever the weights' device is.</param>
/// <param name="seed">Of the random rounding of bf16 averages.</param>
/// <param name="piece">Numbers in a piece. A multiple of 64: kernels on the CPU treat the end of a tensor that fills no vector register in another way, so that other cuts could change last bits.</param>
internal sealed class UpdateStage(bool onHost, long seed, int piece) : IDisposable
{
    private readonly Dictionary<string, Tensor> _buffers = [];

    /// <summary>Updates a weight from its gradient, and its state with it.</summary>
    /// <param name="weight">Has a gradient.</param>
    /// <param name="state">Its state; averages of bf16 are rounded to it at random.</param>
    /// <param name="decays">Whether it decays.</param>
    /// <param name="place">Which step and which weight this is: what the random rounding depends on.</param>
    /// <param name="portable">Round alike on every device.</param>
    /// <param name="update">The formula.</param>
    public void Update(Weight weight, OptimizerState state, bool decays, (int Step, int Weight) place, bool portable, Action<Portion> update)
    {
        for (long begin = 0; begin < weight.Value.numel(); begin += piece)
        {
            using var scope = NewDisposeScope();
            var length = Math.Min(piece, weight.Value.numel() - begin);
            var (value, gradient) = (PieceOf(weight.Value), PieceOf(weight.Gradient!));
            var master = state.Master is { } whole ? PieceOf(whole) : onHost ? Brought("weight", value) : value;
            Tensor[] kept = [.. state.Averages.Select(PieceOf)];
            Tensor[] averages = [.. kept.Select((average, i) => average.dtype == ScalarType.Float32 ? average : Brought($"average {i}", average))];
            update(new(master, onHost ? Brought("gradient", gradient) : gradient, averages, decays));
            foreach (var (i, (exact, average)) in averages.Zip(kept).Index().Where(entry => entry.Item.Second.dtype == ScalarType.BFloat16))
                DeviceRandom.RoundToBfloat16(average, exact, new SeededRandom(seed, place.Step, place.Weight, i).NextUInt64(), begin, portable);
            if (state.Master is not null) value.copy_(onHost ? Buffer("rounded", length, value).copy_(master) : master);
            else if (onHost) value.copy_(master);

            Tensor PieceOf(Tensor tensor) => tensor.view(-1).narrow(0, begin, length);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var buffer in _buffers.Values) buffer.Dispose();
        _buffers.Clear();
    }

    /// <summary>A copy in fp32, where the state lives.</summary>
    private Tensor Brought(string name, Tensor from) => Buffer(name, from.numel(), from, ScalarType.Float32).copy_(from);

    /// <summary>Room for a piece. Memory that a CUDA device reads or writes is pinned: it is then copied at the full rate of the bus.</summary>
    private Tensor Buffer(string name, long length, Tensor beside, ScalarType? dtype = null)
    {
        if (!_buffers.TryGetValue(name, out var buffer) || buffer.numel() < length)
        {
            buffer?.Dispose();
            using var scope = NewDisposeScope();
            buffer = empty(length, dtype: dtype ?? beside.dtype, device: onHost ? CPU : beside.device);
            if (onHost && beside.device.type == TorchSharp.DeviceType.CUDA) buffer = buffer.pin_memory();
            _buffers[name] = buffer.DetachFromDisposeScope();
        }
        return buffer.narrow(0, 0, length);
    }
}
