using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>Rotary position embedding (arXiv 2104.09864) in the half-split layout of the Hugging Face checkpoints.</summary>
internal sealed class RotaryEmbedding(int headDim, double theta, Device device)
{
    /// <summary>The rotations for T positions. Angles are formed in fp32, as transformers does, so that they agree to the last bit.</summary>
    /// <param name="positions">[T]</param>
    /// <param name="dtype">Data type of the queries and keys they will turn.</param>
    public Rotation At(int[] positions, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var exponents = tensor(Enumerable.Range(0, headDim / 2).Select(i => 2 * i / (float)headDim).ToArray(), device: device);
        var wavelengths = tensor((float)theta, device: device).pow(exponents).reciprocal();
        var position_T1 = tensor(positions, ScalarType.Float32, device).unsqueeze(1);
        var angles = (position_T1 * wavelengths).unsqueeze(1);
        return new(angles.cos().to_type(dtype).MoveToOuterDisposeScope(), angles.sin().to_type(dtype).MoveToOuterDisposeScope());
    }

    /// <param name="Cos">[T, 1, E / 2]</param>
    /// <param name="Sin">[T, 1, E / 2]</param>
    internal readonly record struct Rotation(Tensor Cos, Tensor Sin)
    {
        /// <summary>Turns each pair (i, i + E/2) of every head by its position's angle.</summary>
        /// <param name="x_THE">Queries or keys.</param>
        public Tensor Apply(Tensor x_THE)
        {
            var half = x_THE.shape[2] / 2;
            var (first, second) = (x_THE.narrow(2, 0, half), x_THE.narrow(2, half, half));
            return cat([(first * Cos).add(second * Sin, KeptScalar.MinusOne), (second * Cos).add(first * Sin, KeptScalar.One)], 2);
        }
    }
}
