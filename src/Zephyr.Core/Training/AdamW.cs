using TorchSharp;
using Zephyr.Configuration;
using Zephyr.Model;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>
/// AdamW (arXiv 1711.05101) with fp32 moments, and an fp32 master copy of every parameter of lower precision: at dDPO's
/// rate of 5e-7 a bf16 weight alone never moves (decision 5). One parameter's temporaries live at a time.
/// </summary>
internal sealed class AdamW : IDisposable
{
    private readonly ParameterSet _parameters;
    private readonly OptimizerOptions _options;
    private readonly OrderedDictionary<string, State> _states = [];

    public AdamW(ParameterSet parameters, OptimizerOptions options)
    {
        (_parameters, _options) = (parameters, options);
        using var noGradient = no_grad();
        foreach (var (name, parameter) in parameters.All)
        {
            using var scope = NewDisposeScope();
            var master = parameter.dtype == ScalarType.Float32 ? null : parameter.detach().to_type(ScalarType.Float32).DetachFromDisposeScope();
            _states.Add(name, new(Zeros(parameter), Zeros(parameter), master));
        }
    }

    /// <summary>Steps taken, for the bias correction.</summary>
    public int StepCount { get; private set; }

    /// <summary>
    /// One update: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
    /// w = w (1 - rate decay) - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).
    /// </summary>
    /// <param name="gradients">The step's summed gradients.</param>
    /// <param name="gradientScale">What they are multiplied by: 1 / the step's weight, times the clipping factor.</param>
    /// <param name="rate">The learning rate of this step.</param>
    public void Step(Gradients gradients, double gradientScale, double rate)
    {
        using var noGradient = no_grad();
        StepCount++;
        var (beta1, beta2) = (_options.AdamBeta1, _options.AdamBeta2);
        // Held until the last parameter is done (see KeptScalar).
        using Scalar scale = gradientScale, keep1 = beta1, take1 = 1 - beta1, keep2 = beta2, take2 = 1 - beta2;
        using Scalar shrink = 1 - rate * _options.WeightDecay, correction2 = Math.Sqrt(1 - Math.Pow(beta2, StepCount));
        using Scalar epsilon = _options.AdamEpsilon, stepSize = -rate / (1 - Math.Pow(beta1, StepCount));
        foreach (var (name, parameter) in _parameters.All)
        {
            using var scope = NewDisposeScope();
            if (gradients.Of(name, parameter) is not { } gradient) continue;
            gradient.mul_(scale);
            var state = _states[name];
            var weight = state.Master ?? parameter;
            if (_options.WeightDecay > 0 && !WeightNames.IsNorm(name)) weight.mul_(shrink);
            state.FirstMoment.mul_(keep1).add_(gradient, take1);
            state.SecondMoment.mul_(keep2).addcmul_(gradient, gradient, take2);
            var denominator = state.SecondMoment.sqrt().div_(correction2).add_(epsilon, KeptScalar.One);
            weight.addcdiv_(state.FirstMoment, denominator, stepSize);
            if (state.Master is not null) parameter.copy_(state.Master);
        }
    }

    /// <summary>Moments and master copies under "exp_avg.", "exp_avg_sq." and "master." with the parameter's name.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> StateTensors =>
        _states.SelectMany(entry => new (string Kind, Tensor? Tensor)[]
            {
                ("exp_avg", entry.Value.FirstMoment), ("exp_avg_sq", entry.Value.SecondMoment), ("master", entry.Value.Master),
            }
            .Where(part => part.Tensor is not null)
            .Select(part => KeyValuePair.Create($"{part.Kind}.{entry.Key}", part.Tensor!)));

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

    private static Tensor Zeros(Tensor parameter) =>
        zeros(parameter.shape, dtype: ScalarType.Float32, device: parameter.device).DetachFromDisposeScope();

    private sealed record State(Tensor FirstMoment, Tensor SecondMoment, Tensor? Master);
}
