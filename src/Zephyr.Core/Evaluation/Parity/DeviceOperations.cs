using Zephyr.Configuration;
using Zephyr.Data.Batches;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Model.Quantization;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Evaluation.Parity;

/// <summary>One operation of a device beside the same on the CPU.</summary>
/// <param name="What">What is compared.</param>
/// <param name="Difference">The largest difference of an element, as a share of its tensor's largest; NaN where there is none, or it failed.</param>
/// <param name="Bound">What it may be.</param>
/// <param name="Problem">Why it could not be done; null where it could.</param>
public sealed record OperationRow(string What, double Difference, double Bound, string? Problem)
{
    /// <summary>Within the bound; a difference that is no number is not.</summary>
    public bool Holds => Difference <= Bound;
}

/// <summary>
/// What the golden numbers do not reach (adapters with their dropout, weights of 4 bits, optimizer state on the host and in bf16) and each operation that TorchSharp does not bind, on a device and on the CPU, from the same numbers.
/// Each is called four times with the same shapes: TorchScript puts other code in the place of a script once it has seen it run.
/// </summary>
public static class DeviceOperations
{
    private const int Calls = 4;

    private static readonly (string What, double Bound, Func<Device, IEnumerable<Tensor>> Compute)[] Checks =
    [
        ("silu backward", 1e-5, device => Repeat(call => Changed(Numbers(device, call, 40, 176), gradient => TorchOps.SiluBackward(gradient, Numbers(device, call + 10, 40, 176))))),
        ("log softmax", 1e-5, device => Repeat(call => Changed(Numbers(device, call, 40, 1000), TorchOps.LogSoftmax))),
        // A vocabulary of Mistral's size: another kernel of a GPU.
        ("log softmax of 32,000", 1e-5, device => Repeat(call => Changed(Numbers(device, call, 40, 32_000), TorchOps.LogSoftmax))),
        ("norms", 1e-5, device => Repeat(call => cat([TorchOps.RowNorms(Numbers(device, call, 40, 64)).view(-1), TorchOps.Norms([Numbers(device, call, 40, 64)])[0].view(1)]))),
        ("dropout masks", 0, device => Repeat(call => TorchOps.KeepMask(Numbers(device, 0, 40, 64), 0.9, (ulong)call << 31))),
        // Drawn with the generator of a GPU, by hash on the CPU: the share of ones, the same for the same place and another for another.
        ("dropout masks as training draws them", 0.005, device => DrawnMasks(device)),
        ("random rounding to bf16", 0, device => Repeat(call => Changed(Numbers(device, call, 5000).to_type(ScalarType.BFloat16), target => TorchOps.RoundToBfloat16(target, Numbers(device, call, 5000), (ulong)call << 31, 0)))),
        // Two units of bf16's last place. Keys that four heads share are shown without being copied, and lengths are no multiples of anything.
        ("attention under a mask, bf16", 0.016, Masked),
        ("random rounding as training draws it", 0.005, device => DrawnRounding(device)),
        ("AdamW", 1e-5, device => Optimized(device, new())),
        ("AdamW, state on the host", 1e-5, device => Optimized(device, new() { OptimStateDevice = "host" })),
        // A last digit of fp32 may turn a rounding: one unit of bf16's last place.
        ("AdamW, moments in bf16", 0.008, device => Optimized(device, new() { OptimStateDtype = "bfloat16" })),
        ("NF4 codes", 0, device => Repeat(call => Quantized(device, call, matrix => matrix.Packed.to_type(ScalarType.Float32)))),
        ("NF4 made whole", 1e-6, device => Repeat(call => Quantized(device, call, matrix => matrix.Dequantize(ScalarType.Float32)))),
        ("gradients of an adapter with dropout", 1e-4, device => Adapted(device, null)),
        ("the same beside weights of 4 bits", 1e-4, device => Adapted(device, new(Nested: true))),
    ];

    /// <summary>Every comparison.</summary>
    /// <param name="device">Where.</param>
    public static IEnumerable<OperationRow> Run(Device device) => Checks.Select(check => Compare(check.What, check.Bound, check.Compute, device));

    /// <summary>Computes on both and compares. An operation that the device does not have is told, and the others go on.</summary>
    internal static OperationRow Compare(string what, double bound, Func<Device, IEnumerable<Tensor>> compute, Device device)
    {
        using var scope = NewDisposeScope();
        try
        {
            var differences = compute(device).Zip(compute(CPU), (found, expected) => ((found.to(CPU) - expected).abs().max() / expected.abs().max()).to_type(ScalarType.Float64).item<double>());
            return new(what, differences.Aggregate(0.0, Math.Max), bound, null);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            return new(what, double.NaN, bound, TorchErrors.Reason(error));
        }
    }

    private static List<Tensor> Repeat(Func<int, Tensor> call) => [.. Enumerable.Range(0, Calls).Select(call)];

    private static Tensor Numbers(Device device, long seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return empty(shape).normal_(0, 1, generator).to(device);
    }

    private static Tensor Changed(Tensor tensor, Action<Tensor> change)
    {
        change(tensor);
        return tensor;
    }

    private static List<Tensor> DrawnMasks(Device device)
    {
        var like = zeros(1000, 1000, device: device);
        var (first, again, other) = (Mask(3), Mask(3), Mask(4));
        return [stack([first.mean(), (first - again).abs().mean(), (first - other).abs().mean()])];

        Tensor Mask(int site) => new DropoutDraws(7, 1, 0, 0).Mask(site, like, 0.1);
    }

    /// <summary>Attention and its gradients, of a window and behind a prefix, as it goes sequence by sequence.</summary>
    private static List<Tensor> Masked(Device device) => [.. new[] { 33, 65, 97, 161 }.SelectMany(length =>
    {
        var batch = RaggedBatch.Of(new int[length], new int[9]) with { Prefixes = [default, new(0, 30)] };
        var (q, k, v, gradient) = (Heads(1, 8), Heads(2, 2), Heads(3, 2), Heads(4, 8));
        using var pattern = RaggedCausalAttention.Of(batch, 16, kernel: null);
        using var rows = pattern.Keep(q, k, v);
        var (ofQ, ofK, ofV) = rows.Backward(gradient);
        return new[] { rows.Rows(), ofQ, ofK, ofV }.Select(tensor => tensor.to_type(ScalarType.Float32));

        Tensor Heads(int seed, int count) => Numbers(device, seed, batch.TokenCount, count, 128).to_type(ScalarType.BFloat16);
    })];

    /// <summary>Numbers a quarter of the way from one of bf16 to the next: how many go up, and that it is the same for the same place.</summary>
    private static List<Tensor> DrawnRounding(Device device)
    {
        var x = full([1_000_000], 1 + 1 / 512.0, ScalarType.Float32, device);
        var (first, again, other) = (Up(3), Up(3), Up(4));
        return [stack([first.mean(), (first - again).abs().mean(), (first - other).abs().mean()])];

        Tensor Up(ulong key)
        {
            var rounded = empty_like(x, dtype: ScalarType.BFloat16);
            DeviceRandom.RoundToBfloat16(rounded, x, key, 0, portable: false);
            return rounded.gt(1).to_type(ScalarType.Float32);
        }
    }

    private static Tensor Quantized(Device device, int call, Func<Nf4Matrix, Tensor> part)
    {
        using var matrix = Nf4Matrix.Quantize(Numbers(device, call, 96, 320), nested: true);
        return part(matrix).clone();
    }

    /// <summary>Weights and averages after four steps.</summary>
    private static List<Tensor> Optimized(Device device, OptimizerOptions options)
    {
        using var parameters = new ParameterSet();
        foreach (var (i, shape) in new long[][] { [64], [40, 65] }.Index()) parameters.Add($"{i}.weight", Numbers(device, i, shape));
        parameters.RequireGradients(true);
        using var optimizer = Optimizer.Create(parameters, options, seed: 3);
        optimizer.IsPortable = true;
        for (var step = 1; step <= Calls; step++)
        {
            foreach (var (i, weight) in parameters.Weights.Index()) weight.Add(Numbers(device, 10 * step + i, weight.Value.shape));
            optimizer.Step(1, 1e-2);
            parameters.ClearGradients();
        }
        return [.. parameters.Weights.Select(weight => weight.Value.detach().clone()), .. optimizer.StateTensors.Select(state => state.Value.to_type(ScalarType.Float32).clone())];
    }

    /// <summary>Gradients of every factor in four passes, each with masks of its own.</summary>
    private static List<Tensor> Adapted(Device device, Nf4Settings? quantization)
    {
        var config = NamedSizes.Of("tiny");
        using var model = FreshModel.Create(config, 5, device, ScalarType.Float32, false, quantization, sameEverywhere: true);
        model.Dropout.IsPortable = true;
        var adapter = LoraAdapter.Fresh(new() { R = 4, Alpha = 8, Dropout = 0.1, TargetModules = ProjectionNames.All }, config, 6, device);
        model.Attach(adapter);
        // They begin at 0, where A has no gradient.
        using (no_grad())
            foreach (var (i, factor) in adapter.Parameters.Weights.Index().Where(entry => entry.Item.Name.Contains("lora_B", StringComparison.Ordinal))) factor.Value.copy_(Numbers(device, i, factor.Value.shape));
        using var workspace = new LogitsWorkspace();
        var objective = new SftObjective(model, workspace);
        var random = new SeededRandom(7);
        TokenSequence[] sequences = [.. new[] { 5, 17, 33 }.Select(length => new TokenSequence([.. Enumerable.Range(0, length).Select(_ => random.NextInt(config.VocabSize))]))];
        List<Tensor> gradients = [];
        for (var step = 1; step <= Calls; step++)
        {
            model.Dropout.Begin(8, step, 0);
            using var loss = objective.AccumulateGradients(sequences, objective.TotalsOf(sequences));
            gradients.AddRange(adapter.Parameters.Weights.Select(factor => factor.Gradient!.clone()));
            adapter.Parameters.ClearGradients();
        }
        return gradients;
    }
}
