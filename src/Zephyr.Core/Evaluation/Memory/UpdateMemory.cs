using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Evaluation.Memory;

/// <summary>What an update of the weights takes beside weights, gradients and averages, in bytes, by the order of <c>Optimizer</c> and <c>UpdateStage</c>.</summary>
/// <param name="setup">The run.</param>
internal sealed class UpdateMemory(MemorySetup setup)
{
    private readonly long _largest = (setup.Adapter?.WeightsOf(setup.Model) ?? setup.Model.Weights).Max(weight => weight.Shape.Aggregate(1L, (product, size) => product * size));

    private bool IsRounded => setup.AverageWidth == 2;

    private bool HasMaster => setup.Bf16 && setup.Adapter is null;

    /// <summary>Numbers that are brought together at a time.</summary>
    private long Piece => Math.Min(_largest, Optimizer.Piece);

    /// <summary>
    /// Buffers of a piece, which stay from the first update on: each average in fp32 where it is bf16 between two steps, 4 bytes a number; with state on the host besides the gradient, 4, and the weight: in
    /// fp32, 4, or as it comes back from its master, 2. Where the state is.
    /// </summary>
    public long Buffers => Piece * ((IsRounded ? 4 * setup.Averages : 0) + (setup.UpdatesOnHost ? 4 + (HasMaster ? 2 : 4) : 0));

    /// <summary>
    /// Comes and goes on the device: RMSprop's root of an average, 4 bytes a number of the largest weight, or of a piece, where AdamW makes nothing; or the random rounding of an average, whose draws and
    /// bits are 8 bytes a number.
    /// </summary>
    public long Transient => setup.StateOnHost ? 0 : Math.Max(
        setup.Averages == 1 ? 4 * (IsRounded || setup.UpdatesOnHost ? Piece : _largest) : 0,
        IsRounded ? 8 * Math.Min(Piece, TorchOps.PieceOn(!setup.OnCuda)) : 0);
}
