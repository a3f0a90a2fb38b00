using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>What an optimizer remembers of one parameter.</summary>
/// <param name="Averages">The running averages, in the order of their names; fp32, or bf16 where optim_state_dtype says so.</param>
/// <param name="Master">The fp32 copy of a parameter of lower precision; null where the parameter is fp32 itself.</param>
internal sealed record OptimizerState(Tensor[] Averages, Tensor? Master)
{
    /// <summary>Averages of 0, and a master copy where one is needed.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="averages">How many averages.</param>
    /// <param name="home">Where the state lives.</param>
    /// <param name="dtype">Data type of the averages.</param>
    public static OptimizerState Of(Tensor parameter, int averages, Device home, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var master = parameter.dtype == ScalarType.Float32 ? null : parameter.detach().to(ScalarType.Float32, home).DetachFromDisposeScope();
        return new([.. Enumerable.Range(0, averages).Select(_ => zeros(parameter.shape, dtype: dtype, device: home).DetachFromDisposeScope())], master);
    }
}

/// <summary>One parameter's part of a step, or a piece of it; all of it fp32 and on one device, all of it changed in place.</summary>
/// <param name="Weight">The master copy, or the parameter itself where it is fp32.</param>
/// <param name="Gradient">Not scaled yet; the formula may overwrite it.</param>
/// <param name="Averages">The running averages, in the order of their names.</param>
/// <param name="Decays">Whether weight decay applies: there is some, and this is no norm.</param>
internal readonly record struct Portion(Tensor Weight, Tensor Gradient, Tensor[] Averages, bool Decays);
