using Zephyr.Model.Adapters;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>A linear map without bias, y = x W^T, with what an adapter adds to it where one is on, and the way back.</summary>
/// <param name="parameters">Holds W under the module's name.</param>
/// <param name="module">Its name: "model.layers.3.self_attn.q_proj".</param>
internal sealed class Projection(ParameterSet parameters, string module)
{
    private readonly ILinearMap _map = parameters.MapOf($"{module}.weight");

    /// <summary>The module's name.</summary>
    public string Module => module;

    /// <summary>What is added to it; null where no adapter is on, or the one that is leaves it alone.</summary>
    public LowRankMap? Adapter { get; set; }

    /// <summary>Whether anything in it takes a gradient.</summary>
    public bool Learns => _map.Learns || Adapter is { Learns: true };

    /// <param name="x_TI">The input.</param>
    /// <param name="draws">What the adapter's dropout draws from in training; null where nothing is dropped.</param>
    /// <returns>[T, O]</returns>
    public Tensor Forward(Tensor x_TI, DropoutDraws? draws)
    {
        var y_TO = _map.Forward(x_TI);
        Adapter?.AddTo(y_TO, x_TI, draws);
        return y_TO;
    }

    /// <summary>Adds the gradients of what learns and returns d loss / d input.</summary>
    /// <param name="x_TI">The input that <see cref="Forward"/> saw.</param>
    /// <param name="gradient_TO">d loss / d output.</param>
    /// <param name="draws">Those of the way forward.</param>
    public Tensor Backward(Tensor x_TI, Tensor gradient_TO, DropoutDraws? draws)
    {
        _map.AddGradient(x_TI, gradient_TO);
        var ofInput_TI = _map.Backward(gradient_TO);
        Adapter?.Backward(x_TI, gradient_TO, ofInput_TI, draws);
        return ofInput_TI;
    }

    /// <summary>The same, and adds d loss / d input to what other maps of the same input have left.</summary>
    public void Backward(Tensor x_TI, Tensor gradient_TO, Tensor inputGradient_TI, DropoutDraws? draws)
    {
        _map.AddGradient(x_TI, gradient_TO);
        _map.Backward(gradient_TO, inputGradient_TI);
        Adapter?.Backward(x_TI, gradient_TO, inputGradient_TI, draws);
    }

    /// <summary>Adds the gradients of what learns, and nothing else: for where nobody below learns.</summary>
    public void AddGradients(Tensor x_TI, Tensor gradient_TO, DropoutDraws? draws)
    {
        _map.AddGradient(x_TI, gradient_TO);
        Adapter?.Backward(x_TI, gradient_TO, inputGradient_TI: null, draws);
    }
}
