using Zephyr.Data.Batches;
using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Tests.Golden;
using static TorchSharp.torch;

namespace Zephyr.Tests.Objectives;

/// <summary>A packed row is nothing but its documents: loss, weight and gradients are the sums of theirs.</summary>
public class PackedLossTests
{
    [Theory]
    [InlineData("sw8", false)]
    [InlineData("sw8", true)]
    [InlineData("swnone", false)]
    public void A_packed_row_has_the_loss_and_gradients_of_its_documents(string window, bool recompute)
    {
        using var scope = NewDisposeScope();
        using var golden = new GoldenModel(window);
        var documents = GoldenModel.SftTrain.Take(5).ToList();
        var packed = TokenSequence.OfDocuments(documents);
        Assert.Equal(5, packed.Documents.Count());

        var (lossAlone, gradientsAlone) = (0.0, new Dictionary<string, Tensor>());
        foreach (var document in documents)
        {
            var (loss, gradients) = Run(golden.Load("policy"), document, recompute);
            lossAlone += loss;
            foreach (var (name, gradient) in gradients)
                gradientsAlone[name] = gradientsAlone.TryGetValue(name, out var sum) ? sum + gradient : gradient;
        }
        var model = golden.Load("policy");
        var (lossTogether, gradientsTogether) = Run(model, packed, recompute);
        Near.Equal(lossAlone, lossTogether, 1e-5, "loss");
        Assert.Equal(gradientsAlone.Keys.Order(), gradientsTogether.Keys.Order());
        foreach (var (name, gradient) in gradientsAlone) Near.Equal(gradient, gradientsTogether[name], 1e-5, name);

        var objective = new SftObjective(model, new(), recompute ? 1 : 0);
        Assert.Equal(documents.Sum(row => objective.WeightsOf(row)[0]), objective.WeightsOf(packed)[0]);
        Near.Equal(lossAlone, objective.Evaluate([packed]).item<float>(), 1e-5, "loss without gradients");
    }

    /// <summary>What would show if documents saw each other: as one document the same ids have another loss.</summary>
    [Fact]
    public void The_same_ids_as_one_document_are_another_thing()
    {
        using var scope = NewDisposeScope();
        using var golden = new GoldenModel("swnone");
        var packed = TokenSequence.OfDocuments([.. GoldenModel.SftTrain.Take(3)]);
        var model = golden.Load("policy");
        var apart = new SftObjective(model, new()).Evaluate([packed]).item<float>();
        var joined = new SftObjective(model, new()).Evaluate([packed with { DocumentOffsets = null }]).item<float>();
        Assert.True(Math.Abs(apart - joined) > 1e-3 * apart, $"{apart} and {joined} should differ");
    }

    private static (double Loss, Dictionary<string, Tensor> Gradients) Run(MistralForCausalLM model, TokenSequence row, bool recompute)
    {
        var loss = new SftObjective(model, new(), recompute ? 1 : 0).AccumulateGradients([row]).item<float>();
        return (loss, model.Parameters.All.ToDictionary(entry => entry.Key, entry => model.Parameters.Of(entry.Key).Gradient!.clone()));
    }
}
