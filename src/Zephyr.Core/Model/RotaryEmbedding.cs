using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>Rotary position embedding (arXiv 2104.09864) in the half-split layout of the Hugging Face checkpoints.</summary>
internal sealed class RotaryEmbedding(int headDim, double theta, Device device)
{
    private readonly float[] _frequencies = FrequenciesOf(headDim, theta);

    /// <summary>The rotations for T positions. Angles are formed in fp32, as transformers does, so that they agree to the last bit.</summary>
    /// <param name="positions">[T]</param>
    /// <param name="dtype">Data type of the queries and keys they will turn.</param>
    public Rotation At(int[] positions, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var angles = (tensor(positions, ScalarType.Float32, device).unsqueeze(1) * tensor(_frequencies, device: device)).unsqueeze(1);
        return new(angles.cos().to_type(dtype).MoveToOuterDisposeScope(), angles.sin().to_type(dtype).MoveToOuterDisposeScope());
    }

    /// <summary>Formed on the CPU: a GPU's power may be off by some units of the last place, which a position multiplies.</summary>
    private static float[] FrequenciesOf(int headDim, double theta)
    {
        using var scope = NewDisposeScope();
        var exponents = tensor(Enumerable.Range(0, headDim / 2).Select(i => 2 * i / (float)headDim).ToArray(), device: CPU);
        return tensor((float)theta, device: CPU).pow(exponents).reciprocal().data<float>().ToArray();
    }

    /// <param name="Cos">[T, 1, E / 2]</param>
    /// <param name="Sin">[T, 1, E / 2]</param>
    internal readonly record struct Rotation(Tensor Cos, Tensor Sin)
    {
        /// <summary>Turns each pair (i, i + E/2) of every head by its position's angle.</summary>
        /// <param name="x_THE">Queries or keys.</param>
        public Tensor Apply(Tensor x_THE) => Turn(x_THE, KeptScalar.MinusOne, KeptScalar.One);

        /// <summary>Turns them back: a rotation's transpose, which is what a gradient goes through.</summary>
        public Tensor ApplyBackward(Tensor gradient_THE) => Turn(gradient_THE, KeptScalar.One, KeptScalar.MinusOne);

        private Tensor Turn(Tensor x_THE, TorchSharp.Scalar firstSign, TorchSharp.Scalar secondSign)
        {
            using var scope = NewDisposeScope();
            var half = x_THE.shape[2] / 2;
            var (first, second) = (x_THE.narrow(2, 0, half), x_THE.narrow(2, half, half));
            // Both halves by the cosine in one pass, then each its part of the other one.
            var turned_TH2E = x_THE.view(x_THE.shape[0], x_THE.shape[1], 2, half) * Cos.unsqueeze(1);
            turned_TH2E.select(2, 0).addcmul_(second, Sin, firstSign);
            turned_TH2E.select(2, 1).addcmul_(first, Sin, secondSign);
            return turned_TH2E.view(x_THE.shape).MoveToOuterDisposeScope();
        }
    }
}
