using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Adapters;

/// <summary>
/// What dropout draws from in one pass of training: masks are a pure function of the seed, the step, the micro-batch, the pass within it and the projection, so that a
/// layer that is run again on the way back, and a run that goes on from a checkpoint, drop the same elements. Nothing of it has to be kept. On the CPU the function is a hash that gives
/// the same on every device; a GPU would spend as long on its passes as on the rest of a step (by count: 180 bytes an element) and draws with its own generator, which gives the same on the same model of GPU.
/// </summary>
/// <param name="Seed">The run's.</param>
/// <param name="Step">The optimizer step, from 1.</param>
/// <param name="MicroBatch">Within the step, from 0.</param>
/// <param name="Pass">Within the micro-batch, from 0: chosen and rejected answers may be two.</param>
/// <param name="Portable">Whether a GPU hashes too.</param>
internal sealed record DropoutDraws(long Seed, int Step, int MicroBatch, int Pass, bool Portable = false)
{
    /// <summary>Keeps dropout's random stream apart from the others of the same seed.</summary>
    private const long Stream = 3;

    /// <summary>1 where an element stays and 0 where it is dropped.</summary>
    /// <param name="site">The projection's number in the model.</param>
    /// <param name="like">Gives shape, data type and device.</param>
    /// <param name="rate">Probability of being dropped.</param>
    public Tensor Mask(int site, Tensor like, double rate)
    {
        var seed = new SeededRandom(Seed, Stream, Step, MicroBatch, Pass, site).NextUInt64();
        return DeviceRandom.KeepMask(like, 1 - rate, seed, Portable);
    }
}

/// <summary>Knows which micro-batch of which step is under way, and counts the passes within it.</summary>
public sealed class DropoutClock
{
    private DropoutDraws _next = new(0, 0, 0, 0);

    /// <summary>Whether masks are the same on every device, whatever that costs: for comparing devices.</summary>
    public bool IsPortable { get; set; }

    /// <summary>A micro-batch begins.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="step">The optimizer step, from 1; 0 for a rehearsal.</param>
    /// <param name="microBatch">Within the step, from 0.</param>
    public void Begin(long seed, int step, int microBatch) => _next = new(seed, step, microBatch, 0, IsPortable);

    /// <summary>What the next pass of training draws from.</summary>
    internal DropoutDraws Next()
    {
        var draws = _next;
        _next = draws with { Pass = draws.Pass + 1 };
        return draws;
    }
}
