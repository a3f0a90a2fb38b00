using System.Text.Json;
using Zephyr.Data.Batches;
using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Evaluation.Parity;

/// <summary>One comparison with the numbers of transformers and TRL.</summary>
/// <param name="What">What is compared.</param>
/// <param name="Window">swnone or sw8: no sliding window, or one of 8.</param>
/// <param name="Dtype">fp32 or bf16.</param>
/// <param name="Attention">sdpa or flash_attention_2.</param>
/// <param name="Difference">The largest difference: of a tensor as a share of its largest element, of a number as a share of it; NaN where there is none, or it failed.</param>
/// <param name="Bound">What it may be.</param>
/// <param name="Problem">Why it could not be made; null where it could.</param>
public sealed record ParityRow(string What, string Window, string Dtype, string Attention, double Difference, double Bound, string? Problem)
{
    /// <summary>Within the bound; a difference that is no number is not.</summary>
    public bool Holds => Difference <= Bound;
}

/// <summary>
/// The golden comparisons of the tests without the tests: for a machine that has the program and nothing to build it with. Everything that a training step is made of runs on the device
/// that is asked about: logits, SFT and DPO losses with every gradient, and ten steps of each.
/// </summary>
public static class GoldenParity
{
    /// <summary>Every comparison. One that a device cannot make is told, and the others go on.</summary>
    /// <param name="folder">The golden numbers.</param>
    /// <param name="device">Where.</param>
    /// <param name="bf16">In bf16 with fp32 master weights; otherwise in fp32.</param>
    /// <param name="attention">auto, sdpa or flash_attention_2.</param>
    /// <exception cref="UserErrorException">The folder does not hold them.</exception>
    public static IEnumerable<ParityRow> Run(string folder, Device device, bool bf16, string attention) =>
        new[] { "swnone", "sw8" }.SelectMany(window => new Comparison(new(folder, window), window, device, bf16, attention).Run());

    /// <summary>
    /// What rounding may come to. fp32: on the CPU the tests' 1e-5; a GPU adds in other orders, which ten steps of Adam carry on. bf16 has 8 bits: on the CPU's own kernels it
    /// comes to at most half of these.
    /// </summary>
    private sealed record Bounds(double Outputs, double Gradients, double Numbers, double Trajectory)
    {
        public static Bounds Of(Device device, bool bf16) => bf16 ? new(0.06, 0.12, 0.03, 0.05)
            : device.type == TorchSharp.DeviceType.CPU ? new(1e-5, 1e-5, 1e-5, 1e-4) : new(1e-4, 1e-4, 1e-4, 1e-3);
    }

    private sealed class Comparison(GoldenSet golden, string window, Device device, bool bf16, string attention)
    {
        private readonly ScalarType _dtype = bf16 ? ScalarType.BFloat16 : ScalarType.Float32;
        private readonly Bounds _bounds = Bounds.Of(device, bf16);
        private string _way = "";

        public IEnumerable<ParityRow> Run() =>
        [
            .. Rows("sft, full", () => Sft("full")), .. Rows("sft, padded", () => Sft("padded")), .. Rows("dpo, separate", () => Dpo(PairLayoutKind.Separate)),
            .. Rows("dpo, shared prompt", () => Dpo(PairLayoutKind.SharedPrefix)), .. Rows("trajectories", Trajectories),
        ];

        /// <summary>The rows of a part, or the one that says why there are none.</summary>
        private List<ParityRow> Rows(string part, Func<List<ParityRow>> compare)
        {
            try
            {
                return compare();
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                return [Row(part, double.NaN, 0, TorchErrors.Reason(error))];
            }
        }

        private List<ParityRow> Sft(string batchName)
        {
            using var scope = NewDisposeScope();
            using var model = Load("policy", trainable: true);
            var (sequences, expected) = (golden.Batch(batchName), golden.Numbers.GetProperty(batchName));
            List<ParityRow> rows = [];
            if (golden.HasTensors) rows.Add(Row($"logits, {batchName}", Logits(model, sequences, golden.TensorOf($"{batchName}.logits")), _bounds.Outputs));
            using var workspace = new LogitsWorkspace();
            var objective = new SftObjective(model, workspace);
            var totals = objective.TotalsOf(sequences);
            var loss = objective.AccumulateGradients(sequences, totals).cpu().item<float>() / totals[0];
            rows.Add(Row($"sft loss, {batchName}", Relative(loss, expected.GetProperty("loss")), _bounds.Numbers));
            rows.AddRange(Gradients($"sft gradients, {batchName}", $"{batchName}.grad", model, totals[0], expected));
            return rows;
        }

        private List<ParityRow> Dpo(PairLayoutKind layout)
        {
            using var scope = NewDisposeScope();
            using MistralForCausalLM policy = Load("policy", trainable: true), reference = Load("ref", trainable: false);
            using var workspace = new LogitsWorkspace();
            var (pairs, expected) = (golden.PairsOfStep, golden.Numbers.GetProperty("dpo"));
            var objective = Objective(policy, reference, layout, workspace);
            var totals = objective.TotalsOf(pairs);
            var loss = objective.AccumulateGradients(pairs, totals).cpu().data<float>()[0] / totals[0];
            var name = layout == PairLayoutKind.SharedPrefix ? "shared prompt" : "separate";
            return [Row($"dpo loss, {name}", Relative(loss, expected.GetProperty("loss")), _bounds.Numbers), .. Gradients($"dpo gradients, {name}", "dpo.grad", policy, totals[0], expected)];
        }

        private List<ParityRow> Trajectories()
        {
            using var scope = NewDisposeScope();
            using var workspace = new LogitsWorkspace();
            using MistralForCausalLM learner = Load("policy", trainable: true), policy = Load("policy", trainable: true), reference = Load("ref", trainable: false);
            return
            [
                Row("10 sft steps", Follow(learner, new SftObjective(learner, workspace), golden.SftTrain, "sft_10_steps"), _bounds.Trajectory),
                Row("10 dpo steps", Follow(policy, Objective(policy, reference, PairLayoutKind.Separate, workspace), golden.DpoTrain, "dpo_10_steps"), _bounds.Trajectory),
            ];
        }

        /// <summary>Losses and gradient norms of ten steps of four rows at a constant rate of 1e-3: the largest difference, as a share of the first step's.</summary>
        private double Follow<T>(MistralForCausalLM model, IObjective<T> objective, IReadOnlyList<T> rows, string steps)
        {
            var options = new TrainerOptions(new() { PerDeviceTrainBatchSize = 4, NumTrainEpochs = 1, Bf16 = bf16 }, new() { LearningRate = 1e-3, LrSchedulerType = "constant" },
                new() { SaveStrategy = "no" }, Seed: 0);
            using var trainer = new Trainer<T>(model, objective, new(rows, [], Shuffle: false), options, new(new(""), (_, _) => { }), SilentObserver.Instance);
            var (worst, first) = (0.0, golden.Numbers.GetProperty(steps)[0]);
            foreach (var expected in golden.Numbers.GetProperty(steps).EnumerateArray())
            {
                var (means, norm) = trainer.TakeStep();
                worst = Largest([worst, Off(means["loss"], "loss"), Off(norm, "grad_norm")]);
                double Off(double found, string name) => Math.Abs(found - expected.GetProperty(name).GetDouble()) / Math.Abs(first.GetProperty(name).GetDouble());
            }
            return worst;
        }

        private static double Logits(MistralForCausalLM model, List<TokenSequence> sequences, Tensor expected_NTV)
        {
            using var noGradient = no_grad();
            var batch = RaggedBatch.Of([.. sequences.Select(sequence => sequence.Ids)]);
            var logits_TV = model.Logits(model.HiddenStates(batch)).cpu();
            return Largest(sequences.Select((sequence, n) => Relative(logits_TV.narrow(0, batch.Offsets[n], sequence.Ids.Length), expected_NTV[n].narrow(0, 0, sequence.Ids.Length))));
        }

        /// <summary>Every weight's gradient where the tensors are there, otherwise every one's norm.</summary>
        private IEnumerable<ParityRow> Gradients(string what, string prefix, MistralForCausalLM model, double weight, JsonElement expected)
        {
            using TorchSharp.Scalar share = 1 / weight;
            yield return Row(what, Largest(model.Parameters.Weights.Select(one =>
            {
                var gradient = one.Gradient!.cpu().mul(share);
                return golden.HasTensors ? Relative(gradient, golden.TensorOf($"{prefix}.{one.Name}"))
                    : Relative(TorchOps.Norms([gradient])[0].item<float>(), expected.GetProperty("grad_norms").GetProperty(one.Name));
            })), _bounds.Gradients);
        }

        private static DpoObjective Objective(MistralForCausalLM policy, MistralForCausalLM reference, PairLayoutKind layout, LogitsWorkspace workspace)
        {
            var settings = new DpoSettings(DpoLossSettings.Sigmoid(0.1), layout);
            return new(policy, new FrozenReference(reference, settings, workspace), settings, workspace);
        }

        private MistralForCausalLM Load(string name, bool trainable)
        {
            var model = golden.Load(name, _dtype, device, trainable);
            model.ChooseAttention(attention);
            _way = model.AttentionKernel is null ? AttentionChoice.Sdpa : AttentionChoice.Flash;
            return model;
        }

        private ParityRow Row(string what, double difference, double bound, string? problem = null) => new(what, window, bf16 ? "bf16" : "fp32", _way, difference, bound, problem);

        private static double Relative(Tensor found, Tensor expected) => (found - expected).abs().max().item<float>() / (double)expected.abs().max().item<float>();

        private static double Relative(double found, JsonElement expected) => Math.Abs(found - expected.GetDouble()) / Math.Abs(expected.GetDouble());

        /// <summary>NaN where one is: it must not be lost among numbers.</summary>
        private static double Largest(IEnumerable<double> differences) => differences.Aggregate(0.0, Math.Max);
    }
}
