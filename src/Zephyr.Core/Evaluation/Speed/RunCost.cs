using Zephyr.Evaluation.Memory;

namespace Zephyr.Evaluation.Speed;

/// <summary>
/// Floating-point operations of a run's matrix products. N numbers in the linear maps of all layers, T tokens, R labels: a pass forward takes 2 N T for the maps, 4 Q for each query and key it
/// sees in each layer, and 2 V D R for the head; the way back takes twice a pass forward (together the well-known 6 N T; once where only an adapter learns), and with recomputation the layers' part of one more. DPO passes chosen and rejected answers forward
/// and back, and the reference forward, in every step (frozen, adapter) or once for every pair (cached). Evaluations are passes forward.
/// </summary>
/// <param name="Policy">Forward and back, all steps.</param>
/// <param name="Recomputed">Layers that run again.</param>
/// <param name="Reference">Passes of the reference.</param>
/// <param name="Evaluations">Passes over held-out rows.</param>
public sealed record RunCost(double Policy, double Recomputed, double Reference, double Evaluations)
{
    /// <summary>All of it.</summary>
    public double Operations => Policy + Recomputed + Reference + Evaluations;

    /// <summary>Of a run.</summary>
    /// <param name="setup">The run.</param>
    /// <param name="train">One pass forward over every training row.</param>
    /// <param name="held">The same over the held-out ones.</param>
    /// <param name="epochs">How often the training rows are gone through.</param>
    /// <param name="evaluations">How often the held-out ones are.</param>
    public static RunCost Of(MemorySetup setup, ForwardCost train, ForwardCost held, double epochs, int evaluations)
    {
        ArgumentNullException.ThrowIfNull(setup);
        var layers = setup.Model.NumHiddenLayers;
        var again = setup.RecomputeEvery == 0 ? 0 : Math.Ceiling((double)layers / setup.RecomputeEvery) / layers;
        return new(epochs * train.AndBack(setup.Adapter?.ParameterCountOf(setup.Model)), epochs * again * train.Layers,
            !setup.IsDpo ? 0 : setup.ReferenceInSteps ? epochs * train.Total : train.Total + held.Total, evaluations * held.Total * (setup.IsDpo && setup.ReferenceInSteps ? 2 : 1));
    }
}
