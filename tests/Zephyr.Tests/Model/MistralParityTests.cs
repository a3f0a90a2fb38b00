using Zephyr.Data.Batches;
using Zephyr.Objectives;
using Zephyr.Tests.Golden;
using Zephyr.Tests.Objectives;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model;

public class MistralParityTests
{
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData("swnone", "full")]
    [InlineData("swnone", "padded")]
    [InlineData("sw8", "full")]
    [InlineData("sw8", "padded")]
    public void Logits_are_those_of_transformers(string window, string batchName)
    {
        using var golden = new GoldenModel(window);
        using var scope = NewDisposeScope();
        var expected_NTV = golden.TensorOf($"{batchName}.logits");
        var model = golden.Load("policy");
        var input = GoldenModel.Inputs.GetProperty(batchName);
        var sequences = GoldenModel.Sequences(input.GetProperty("input_ids"), input.GetProperty("labels"), input.GetProperty("attention_mask"));
        var batch = RaggedBatch.Of([.. sequences.Select(sequence => sequence.Ids)]);
        using (no_grad())
        {
            var logits_TV = model.Logits(model.HiddenStates(batch));
            for (var n = 0; n < sequences.Count; n++)
            {
                long length = sequences[n].Ids.Length;
                Near.Equal(expected_NTV[n].narrow(0, 0, length), logits_TV.narrow(0, batch.Offsets[n], length), Tolerance, $"logits of sequence {n}");
            }
        }
    }

    [Theory]
    [InlineData("swnone", "full", false)]
    [InlineData("swnone", "padded", false)]
    [InlineData("sw8", "full", false)]
    [InlineData("sw8", "padded", false)]
    [InlineData("sw8", "full", true)]
    [InlineData("sw8", "padded", true)]
    public void Sft_loss_and_gradients_are_those_of_transformers(string window, string batchName, bool recompute)
    {
        using var golden = new GoldenModel(window);
        using var scope = NewDisposeScope();
        var model = golden.Load("policy");
        var input = GoldenModel.Inputs.GetProperty(batchName);
        var sequences = GoldenModel.Sequences(input.GetProperty("input_ids"), input.GetProperty("labels"), input.GetProperty("attention_mask"));
        var objective = new SftObjective(model, new(), recompute ? 1 : 0);
        var weight = objective.TotalsOf(sequences)[0];
        var expected = golden.Numbers.GetProperty(batchName);
        Assert.Equal(expected.GetProperty("n_target_tokens").GetInt32(), (int)weight);

        var loss = objective.AccumulateGradients(sequences).item<float>() / weight;
        Near.Equal(expected.GetProperty("loss").GetDouble(), loss, Tolerance, "loss");
        Near.Equal(expected.GetProperty("loss").GetDouble(), objective.Evaluate(sequences).item<float>() / weight, Tolerance, "loss without gradients");
        foreach (var (name, parameter) in model.Parameters.All)
        {
            var gradient = model.Parameters.Of(name).Gradient! / weight;
            Near.Equal(expected.GetProperty("grad_norms").GetProperty(name).GetDouble(), gradient.norm().item<float>(), Tolerance, $"gradient norm of {name}");
            Near.Equal(golden.TensorOf($"{batchName}.grad.{name}"), gradient, Tolerance, $"gradient of {name}");
        }
    }

    [Fact]
    public void Log_probabilities_of_each_sequence_are_those_of_transformers()
    {
        using var golden = new GoldenModel("sw8");
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var model = golden.Load("policy");
        foreach (var batchName in (string[])["full", "padded"])
        {
            var input = GoldenModel.Inputs.GetProperty(batchName);
            var batch = LabelledBatch.Of(GoldenModel.Sequences(input.GetProperty("input_ids"), input.GetProperty("labels"), input.GetProperty("attention_mask")));
            var head = new LabelLogProbs(model, batch, new());
            var sums = head.SumBySequence(head.Forward(model.HiddenStates(batch.Batch)));
            var expected = GoldenModel.Doubles(golden.Numbers.GetProperty(batchName).GetProperty("sum_logps"));
            Near.Equal(tensor(expected), sums, Tolerance, batchName);
        }
    }

    [Fact]
    public void A_sequence_means_the_same_alone_and_in_company()
    {
        using var golden = new GoldenModel("sw8");
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var model = golden.Load("policy");
        int[] one = [1, 5, 9, 200, 31, 77, 4, 90, 12, 33, 7], other = [1, 44, 2];
        var together = model.HiddenStates(RaggedBatch.Of(other, one));
        Near.Equal(model.HiddenStates(RaggedBatch.Of(one)), together.narrow(0, other.Length, one.Length), 1e-6, "hidden states");
    }
}
