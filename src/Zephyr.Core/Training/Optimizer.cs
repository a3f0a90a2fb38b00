using Zephyr.Configuration;
using Zephyr.Model;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>
/// What every optimizer needs around its formula: running averages, an fp32 master copy of every parameter of lower
/// precision (at dDPO's rate of 5e-7 a bf16 weight alone never moves, decision 5), and state that a checkpoint can hold, on the device or the host. A
/// formula is a class that names its averages and walks over the <see cref="Portion"/>s of a step.
/// </summary>
internal abstract class Optimizer : IDisposable
{
    private readonly ParameterSet _parameters;
    private readonly string[] _averages;
    private readonly OrderedDictionary<string, OptimizerState> _states = [];
    private readonly UpdateStage? _stage;

    /// <param name="parameters">What learns. Not owned.</param>
    /// <param name="options">Decay, the formula's own numbers, where the state lives and how exactly.</param>
    /// <param name="seed">Of the random rounding of bf16 averages.</param>
    /// <param name="piece">Numbers that are brought together at a time where state is not beside the weights or not fp32.</param>
    /// <param name="averages">What the running averages of a parameter are called in a checkpoint, by torch's names.</param>
    protected Optimizer(ParameterSet parameters, OptimizerOptions options, long seed, int piece, params string[] averages)
    {
        (_parameters, Options, _averages) = (parameters, options, averages);
        var (onHost, rounded) = (options.OptimStateDevice == "host", options.OptimStateDtype == "bfloat16");
        if (onHost || rounded) _stage = new(onHost, seed, piece);
        using var noGradient = no_grad();
        foreach (var (name, parameter) in parameters.All)
            _states.Add(name, OptimizerState.Of(parameter, averages.Length, onHost ? CPU : parameter.device, rounded ? ScalarType.BFloat16 : ScalarType.Float32));
    }

    /// <summary>16 Mi numbers, 64 MiB a buffer.</summary>
    public const int Piece = 1 << 24;

    /// <summary>Whether averages in bf16 are rounded alike on every device, whatever that costs: for comparing devices.</summary>
    public bool IsPortable { get; set; }

    /// <summary>Steps taken: AdamW's bias correction needs them.</summary>
    public int StepCount { get; private set; }

    /// <summary>The keys of the optimizer.</summary>
    protected OptimizerOptions Options { get; }

    /// <summary>The optimizer that <c>optim</c> names.</summary>
    /// <param name="parameters">What learns. Not owned.</param>
    /// <param name="options">The keys of the optimizer.</param>
    /// <param name="seed">The run's: of the random rounding of bf16 averages.</param>
    public static Optimizer Create(ParameterSet parameters, OptimizerOptions options, long seed) => OptimizerNames.KindOf(options.Optim) switch
    {
        OptimizerKind.RmsProp => new RmsProp(parameters, options, seed),
        _ => new AdamW(parameters, options, seed),
    };

    /// <summary>One update of every weight that the step touched. Gradients are used up by it.</summary>
    /// <param name="gradientScale">What they are multiplied by: 1 / the step's weight, times the clipping factor.</param>
    /// <param name="rate">The learning rate of this step.</param>
    public void Step(double gradientScale, double rate)
    {
        using var noGradient = no_grad();
        StepCount++;
        List<Weight> touched = [.. _parameters.Weights.Where(weight => weight.Gradient is not null)];
        if (touched.Count == 0) return;
        if (_stage is not null) StepInPieces(touched, _stage, gradientScale, rate);
        else StepAtOnce(touched, gradientScale, rate);
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
        _stage?.Dispose();
        _states.Clear();
    }

    /// <summary>The formula. Numbers it hands to torch are to be held during the call (see KeptScalar).</summary>
    protected abstract void Update(IReadOnlyList<Portion> portions, double gradientScale, double rate);

    /// <summary>State and weights side by side, all fp32: the formula sees every weight at once, in as few kernels as it can.</summary>
    private void StepAtOnce(List<Weight> touched, double gradientScale, double rate)
    {
        List<Portion> portions = [.. touched.Select(weight => new Portion(
            _states[weight.Name].Master ?? weight.Value, weight.Gradient!, _states[weight.Name].Averages, Decays(weight)))];
        Update(portions, gradientScale, rate);
        foreach (var (weight, portion) in touched.Zip(portions))
            if (_states[weight.Name].Master is not null) weight.Value.copy_(portion.Weight);
    }

    private void StepInPieces(List<Weight> touched, UpdateStage stage, double gradientScale, double rate)
    {
        foreach (var weight in touched)
            stage.Update(weight, _states[weight.Name], Decays(weight), (StepCount, _states.IndexOf(weight.Name)), IsPortable, portion => Update([portion], gradientScale, rate));
    }

    private bool Decays(Weight weight) => Options.WeightDecay > 0 && !WeightNames.IsNorm(weight.Name);
}
