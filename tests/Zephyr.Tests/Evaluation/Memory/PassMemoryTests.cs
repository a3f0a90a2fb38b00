using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Evaluation.Memory;
using Zephyr.Model;
using Zephyr.Runtime;
using Zephyr.Tests.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Tests.Evaluation.Memory;

/// <summary>The formulas against the tensors that there are: what a pass keeps to the page, its peaks to a few percent.</summary>
[Collection(nameof(CountedMemory))]
public sealed class PassMemoryTests
{
    private static readonly MistralConfig Shape = new()
    {
        VocabSize = 1000,
        HiddenSize = 256,
        IntermediateSize = 704,
        NumHiddenLayers = 3,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 64,
    };

    // Two tables of rotation, each under the size from which blocks are counted.
    private const long Uncounted = 2 * (64 << 10);

    public PassMemoryTests()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    public static TheoryData<string, bool, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool, int>();
            foreach (var layout in new[] { "ragged", "shared", "window" })
                foreach (var bf16 in new[] { false, true })
                    foreach (var every in new[] { 0, 1, 2 }) cases.Add(layout, bf16, every);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void What_a_pass_takes_is_what_was_counted(string layout, bool bf16, int recomputeEvery)
    {
        var config = Shape with { SlidingWindow = layout == "window" ? 500 : null };
        var batch = BatchOf(layout);
        var (plan, pass) = (new PassMemory(config, bf16 ? 2 : 4, recomputeEvery, new(Weights: true, DropsLast: false)), PassShape.Of(batch));
        using var model = FreshModel.Create(config, 1, CPU, bf16 ? ScalarType.BFloat16 : ScalarType.Float32, trainable: true);
        Run(model, batch, recomputeEvery); // Afterwards gradients stand, and libtorch has what it keeps.
        var found = Run(model, batch, recomputeEvery);
        AssertNear(plan.Kept(pass), found.Kept, 0.01);
        AssertNear(plan.Forward(pass), found.Forward, 0.05);
        AssertNear(plan.Backward(pass), found.Backward, 0.05);
        AssertNear(plan.Unrecorded(pass), found.Unrecorded, 0.05);

        void AssertNear(long planned, long measured, double share) =>
            Assert.True(Math.Abs(planned - measured) <= share * measured + Uncounted, $"planned {planned}, found {measured}: {(double)planned / measured:0.000} ({found})");
    }

    private static LabelledBatch BatchOf(string layout)
    {
        static int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(i => 3 + i * 7 % 990)];
        return layout switch
        {
            "window" => LabelledBatch.Of([new TokenSequence(Ids(900))]),
            "ragged" => LabelledBatch.Of([new TokenSequence(Ids(300)), new TokenSequence(Ids(417)), new TokenSequence(Ids(200))]),
            _ => SharedPrompt.Of([Pair(250, 190, 170), Pair(120, 150, 180)]),
        };

        static TokenizedPair Pair(int prompt, int chosen, int rejected) => new(new("pairs", 1, false), Ids(prompt), Ids(chosen), Ids(rejected));
    }

    private sealed record Found(long Kept, long Forward, long Backward, long Unrecorded);

    private static Found Run(MistralForCausalLM model, LabelledBatch batch, int recomputeEvery)
    {
        using var scope = NewDisposeScope();
        var before = Start();
        long kept, forward, backward;
        using (var pass = model.Forward(batch.Batch, recomputeEvery))
        {
            (kept, forward) = (TensorMemory.InUse - before, TensorMemory.Peak - before);
            // As the objective's, but not the pass's.
            using var gradient = full_like(pass.Hidden_TD, 1e-3);
            TensorMemory.ForgetPeak();
            pass.Backward(gradient);
            backward = TensorMemory.Peak - before - gradient.numel() * gradient.element_size();
        }
        before = Start();
        using (var noGradient = no_grad()) model.HiddenStates(batch.Batch).Dispose();
        return new(kept, forward, backward, TensorMemory.Peak - before);

        static long Start()
        {
            TensorMemory.ForgetPeak();
            return TensorMemory.InUse;
        }
    }
}
