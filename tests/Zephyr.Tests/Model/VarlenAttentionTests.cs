using TorchSharp;
using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Tests.Golden;
using Zephyr.Tests.Objectives;
using Zephyr.Tests.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model;

/// <summary>One kernel for a whole batch: what it is told, when it is taken, and that it means the per-sequence path's numbers. The CUDA kernel is stood in for by its definition.</summary>
public class VarlenAttentionTests
{
    [Theory]
    [InlineData(4, 4, null, false)]
    [InlineData(4, 2, null, true)]
    [InlineData(4, 1, 5, false)]
    [InlineData(6, 2, 3, true)]
    [InlineData(6, 2, 2, true)]
    public void A_model_gives_the_same_numbers_and_gradients_either_way(int heads, int keyHeads, int? window, bool sharedPrompt)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create(TinyModel.Config with { NumAttentionHeads = heads, NumKeyValueHeads = keyHeads, SlidingWindow = window, NumHiddenLayers = 3 });
        var batch = sharedPrompt ? SharedPrompt.Of(Pairs).Batch : RaggedBatch.Of([1, 4, 9, 16, 25, 36, 9, 24, 1, 20], [3], [5, 30, 15, 0, 25]);
        using var generator = new Generator(11, CPU);
        var gradient_TD = empty(batch.TokenCount, model.Config.HiddenSize).normal_(0, 0.3, generator);
        var (hidden, gradients) = Pass(0);
        foreach (var every in (int[])[0, 1, 2])
        {
            var kernel = new ReferenceVarlenKernel();
            model.AttentionKernel = kernel;
            var (found, ofWeights) = Pass(every);
            Near.Equal(hidden, found, 1e-5, "hidden states");
            foreach (var (name, gradient) in gradients) Near.Equal(gradient, ofWeights[name], 2e-5, $"{name}, recomputing every {every}");
            using var noGradient = no_grad();
            Near.Equal(hidden, model.HiddenStates(batch), 1e-5, "without a way back");
            Assert.Equal(3 * 2 + (every == 1 ? 3 : every == 2 ? 2 : 0), kernel.Calls.Count);
        }

        (Tensor Hidden, Dictionary<string, Tensor> Gradients) Pass(int every)
        {
            model.Parameters.ClearGradients();
            using var pass = model.Forward(batch, every);
            pass.Backward(gradient_TD);
            return (pass.Hidden_TD.clone(), model.Parameters.Weights.Where(weight => weight.Gradient is not null).ToDictionary(weight => weight.Name, weight => weight.Gradient!.clone()));
        }
    }

    [Theory]
    [InlineData(PairLayoutKind.Separate)]
    [InlineData(PairLayoutKind.Concatenated)]
    [InlineData(PairLayoutKind.SharedPrefix)]
    public void Dpo_gives_the_same_loss_either_way(PairLayoutKind layout)
    {
        using var scope = NewDisposeScope();
        using MistralForCausalLM policy = TinyTraining.Model(), reference = TinyTraining.Model(trainable: false, seed: 2);
        var pairs = TinyTraining.Pairs(5);
        var objective = TinyTraining.Dpo(policy, reference, layout);
        var expected = objective.AccumulateGradients(pairs);
        policy.AttentionKernel = reference.AttentionKernel = new ReferenceVarlenKernel();
        Near.Equal(expected, objective.AccumulateGradients(pairs), 1e-5, "sums");
    }

    [Fact]
    public void Nothing_stays_behind()
    {
        using var model = TinyModel.Create();
        model.AttentionKernel = new ReferenceVarlenKernel();
        Pass();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Pass();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        void Pass()
        {
            using var scope = NewDisposeScope();
            using var pass = model.Forward(SharedPrompt.Of(Pairs).Batch);
            pass.Backward(ones_like(pass.Hidden_TD));
        }
    }

    [Fact]
    public void Sequences_alone_are_keys_in_their_order()
    {
        var plan = VarlenPlan.Of(RaggedBatch.Of([1, 2, 3], [4], [5, 6]), window: null);
        Assert.Equal([0, 3, 4, 6], plan.QueryOffsets);
        Assert.Same(plan.QueryOffsets, plan.KeyOffsets);
        Assert.Null(plan.KeyRows);
        Assert.Equal((3, 3, -1), (plan.MostQueries, plan.MostKeys, plan.WindowLeft));
    }

    [Fact]
    public void A_prefix_stands_before_the_sequence_that_sees_it()
    {
        // Prompt of 4 and chosen of 3, rejected of 5; then prompt of 1, chosen of 4, rejected of 1.
        var plan = VarlenPlan.Of(SharedPrompt.Of(Pairs).Batch, window: 6);
        Assert.Equal([0, 7, 12, 17, 18], plan.QueryOffsets);
        Assert.Equal([0, 7, 16, 21, 23], plan.KeyOffsets);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 12, 17], plan.KeyRows!);
        Assert.Equal((7, 9, 5), (plan.MostQueries, plan.MostKeys, plan.WindowLeft));
    }

    /// <summary>A query sees `window` keys with its own, so that the kernel looks window - 1 back.</summary>
    [Theory]
    [InlineData(null, -1)]
    [InlineData(1, 0)]
    [InlineData(4, 3)]
    [InlineData(5, -1)]
    [InlineData(4096, -1)]
    public void The_window_counts_where_a_sequence_is_longer(int? window, int left) =>
        Assert.Equal(left, VarlenPlan.Of(RaggedBatch.Of([1, 2], [1, 2, 3, 4, 5]), window).WindowLeft);

    /// <summary>The schemas are those of every build of libtorch 2.10; the kernels are those of CUDA alone. A script that does not compile would end the process here.</summary>
    [Fact]
    public void The_operators_take_what_they_are_given_and_are_CUDAs()
    {
        Assert.SkipWhen(NativeTorch.Load().HasCuda, "this libtorch has the kernels");
        using var scope = NewDisposeScope();
        Tensor q = zeros(3, 4, 8, dtype: ScalarType.BFloat16), k = zeros(3, 2, 8, dtype: ScalarType.BFloat16), offsets = tensor((int[])[0, 1, 3]);
        var layout = new VarlenLayout(offsets, offsets, 2, 2, -1);
        var forward = Assert.ThrowsAny<Exception>(() => TorchOps.FlashAttention(q, k, k, layout));
        Assert.Contains("Could not run 'aten::_flash_attention_forward' with arguments from the 'CPU' backend", forward.Message, StringComparison.Ordinal);
        var backward = Assert.ThrowsAny<Exception>(() => TorchOps.FlashAttentionBackward(q, (q, k, k), (q, zeros(4, 3)), layout));
        Assert.Contains("Could not run 'aten::_flash_attention_backward' with arguments from the 'CPU' backend", backward.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_probe_passes_a_kernel_that_means_the_same_and_names_one_that_does_not()
    {
        Assert.Null(FlashProbe.Try(CPU, new ReferenceVarlenKernel(), headDim: 8));
        Assert.StartsWith("its numbers differ from the per-sequence path's by ", FlashProbe.Try(CPU, new ShiftedKernel(1), headDim: 8), StringComparison.Ordinal);
        Assert.StartsWith("its numbers differ from the per-sequence path's by ", FlashProbe.Try(CPU, new ShiftedKernel(-1), headDim: 8), StringComparison.Ordinal);
        Assert.SkipWhen(NativeTorch.Load().HasCuda, "this libtorch has the kernels");
        Assert.Contains("Could not run 'aten::_flash_attention_forward'", FlashProbe.Try(CPU, FlashKernel.Instance, headDim: 8), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("auto", DeviceType.CUDA, ScalarType.BFloat16, 128, true)]
    [InlineData("auto", DeviceType.CUDA, ScalarType.Float16, 256, true)]
    [InlineData("flash_attention_2", DeviceType.CUDA, ScalarType.BFloat16, 64, true)]
    [InlineData("sdpa", DeviceType.CUDA, ScalarType.BFloat16, 128, false)]
    [InlineData("auto", DeviceType.CUDA, ScalarType.Float32, 128, false)]
    [InlineData("auto", DeviceType.CUDA, ScalarType.BFloat16, 260, false)]
    [InlineData("auto", DeviceType.CUDA, ScalarType.BFloat16, 100, false)]
    [InlineData("auto", DeviceType.CPU, ScalarType.BFloat16, 128, false)]
    [InlineData("sdpa", DeviceType.CPU, ScalarType.Float32, 128, false)]
    public void The_kernel_is_taken_where_it_can_run(string implementation, DeviceType device, ScalarType dtype, int headDim, bool taken) =>
        Assert.Equal(taken, AttentionChoice.Of(implementation, new Device(device), dtype, headDim, (_, _) => null) is FlashKernel);

    [Theory]
    [InlineData(DeviceType.CPU, ScalarType.BFloat16, 128, "it runs on CUDA and the device is cpu")]
    [InlineData(DeviceType.CUDA, ScalarType.Float32, 128, "it computes in 16 bits and the model is in float32 (bf16: true changes that)")]
    [InlineData(DeviceType.CUDA, ScalarType.BFloat16, 20, "it takes heads of a multiple of 8, up to 256, and the model's head_dim is 20")]
    [InlineData(DeviceType.CUDA, ScalarType.BFloat16, 128, "it does not work on cuda:0: too old")]
    public void Where_it_was_asked_for_and_cannot_run_the_sentence_says_why(DeviceType device, ScalarType dtype, int headDim, string reason) =>
        Assert.Equal($"attn_implementation: flash_attention_2 was asked for, but {reason}; expected auto or sdpa",
            Assert.Throws<UserErrorException>(() => AttentionChoice.Of("flash_attention_2", new Device(device, device == DeviceType.CUDA ? 0 : -1), dtype, headDim, (_, _) => "too old")).Message);

    /// <summary>A kernel of another alignment or window, as older versions of FlashAttention had.</summary>
    private sealed class ShiftedKernel(int by) : IVarlenKernel
    {
        private readonly ReferenceVarlenKernel _kernel = new();

        public (Tensor Rows_THE, Tensor LogSumExp_HT) Forward(Tensor q_THE, Tensor k_SKE, Tensor v_SKE, VarlenLayout layout) => _kernel.Forward(q_THE, k_SKE, v_SKE, Shifted(layout));

        public (Tensor Q_THE, Tensor K_SKE, Tensor V_SKE) Backward(
            Tensor gradient_THE, (Tensor Q_THE, Tensor K_SKE, Tensor V_SKE) inputs, (Tensor Rows_THE, Tensor LogSumExp_HT) outputs, VarlenLayout layout) =>
            _kernel.Backward(gradient_THE, inputs, outputs, Shifted(layout));

        private VarlenLayout Shifted(VarlenLayout layout) => layout with { WindowLeft = layout.WindowLeft < 0 ? -1 : layout.WindowLeft + by };
    }

    private static readonly TokenizedPair[] Pairs =
    [
        new(new RowLocation("pairs", 1, false), [1, 5, 9, 2], [3, 4, 8], [7, 6, 5, 4, 3]),
        new(new RowLocation("pairs", 2, false), [1], [30, 31, 32, 33], [12]),
    ];
}
