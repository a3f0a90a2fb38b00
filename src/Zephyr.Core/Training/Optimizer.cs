using Zephyr.Configuration;
using Zephyr.Model;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>
/// What every optimizer needs around its formula: fp32 running averages, an fp32 master copy of every parameter of lower
/// precision (at dDPO's rate of 5e-7 a bf16 weight alone never moves, decision 5), and state that a checkpoint can hold. A
/// formula is a class that names its averages and walks over the <see cref="Portion"/>s of a step.
/// </summary>
internal abstract class Optimizer : IDisposable
{
    private readonly ParameterSet _parameters;
    private readonly string[] _averages;
    private readonly OrderedDictionary<string, State> _states = [];

    /// <param name="parameters">What learns. Not owned.</param>
    /// <param name="options">Decay and the formula's own numbers.</param>
    /// <param name="averages">What the running averages of a parameter are called in a checkpoint, by torch's names.</param>
    protected Optimizer(ParameterSet parameters, OptimizerOptions options, params string[] averages)
    {
        (_parameters, Options, _averages) = (parameters, options, averages);
        using var noGradient = no_grad();
        foreach (var (name, parameter) in parameters.All)
        {
            using var scope = NewDisposeScope();
            var master = parameter.dtype == ScalarType.Float32 ? null : parameter.detach().to_type(ScalarType.Float32).DetachFromDisposeScope();
            _states.Add(name, new([.. averages.Select(_ => Zeros(parameter))], master));
        }
    }

    /// <summary>Steps taken: AdamW's bias correction needs them.</summary>
    public int StepCount { get; private set; }

    /// <summary>The keys of the optimizer.</summary>
    protected OptimizerOptions Options { get; }

    /// <summary>The optimizer that <c>optim</c> names.</summary>
    public static Optimizer Create(ParameterSet parameters, OptimizerOptions options) => OptimizerNames.KindOf(options.Optim) switch
    {
        OptimizerKind.RmsProp => new RmsProp(parameters, options),
        _ => new AdamW(parameters, options),
    };

    /// <summary>One update of every weight that the step touched. Gradients are used up by it.</summary>
    /// <param name="gradientScale">What they are multiplied by: 1 / the step's weight, times the clipping factor.</param>
    /// <param name="rate">The learning rate of this step.</param>
    public void Step(double gradientScale, double rate)
    {
        using var noGradient = no_grad();
        StepCount++;
        List<Portion> portions = [.. _parameters.Weights.Where(weight => weight.Gradient is not null).Select(PortionOf)];
        if (portions.Count == 0) return;
        Update(portions, gradientScale, rate);
        foreach (var (weight, portion) in _parameters.Weights.Where(weight => weight.Gradient is not null).Zip(portions))
            if (_states[weight.Name].Master is not null) weight.Value.copy_(portion.Weight);
    }

    /// <summary>Averages under their names and master copies under "master.", each with its parameter's name.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> StateTensors => _states.SelectMany(entry => _averages.Zip(entry.Value.Averages)
        .Concat(entry.Value.Master is { } master ? [("master", master)] : [])
        .Select(part => KeyValuePair.Create($"{part.First}.{entry.Key}", part.Second)));

    /// <summary>The weights at full precision: the master copy where there is one, the parameter itself otherwise.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> MasterWeights =>
        _parameters.All.Select(entry => KeyValuePair.Create(entry.Key, _states[entry.Key].Master ?? entry.Value));

    /// <summary>Says that the state tensors have been filled from a checkpoint taken after <paramref name="stepCount"/> steps.</summary>
    public void Restored(int stepCount) => StepCount = stepCount;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, tensor) in StateTensors) tensor.Dispose();
        _states.Clear();
    }

    /// <summary>The formula. Numbers it hands to torch are to be held during the call (see KeptScalar).</summary>
    protected abstract void Update(IReadOnlyList<Portion> portions, double gradientScale, double rate);

    private Portion PortionOf(Weight weight)
    {
        var (averages, master) = _states[weight.Name];
        return new(master ?? weight.Value, weight.Gradient!, averages, Options.WeightDecay > 0 && !WeightNames.IsNorm(weight.Name));
    }

    private static Tensor Zeros(Tensor parameter) =>
        zeros(parameter.shape, dtype: ScalarType.Float32, device: parameter.device).DetachFromDisposeScope();

    /// <summary>One parameter's part of a step; all of it fp32, all of it changed in place.</summary>
    /// <param name="Weight">The master copy, or the parameter itself where it is fp32.</param>
    /// <param name="Gradient">Not scaled yet; the formula may overwrite it.</param>
    /// <param name="Averages">The running averages, in the order of their names.</param>
    /// <param name="Decays">Whether weight decay applies: there is some, and this is no norm.</param>
    protected readonly record struct Portion(Tensor Weight, Tensor Gradient, Tensor[] Averages, bool Decays);

    private sealed record State(Tensor[] Averages, Tensor? Master);
}
