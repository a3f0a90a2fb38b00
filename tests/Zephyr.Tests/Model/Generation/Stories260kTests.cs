using System.Text.Json;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model.Generation;
using Zephyr.Model.Weights;
using Zephyr.Objectives;
using Zephyr.Tests.Golden;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Generation;

/// <summary>A real pretrained model against what transformers makes of it.</summary>
public class Stories260kTests
{
    [Fact]
    public void Tokens_logits_and_likelihood_are_those_of_transformers()
    {
        var folder = SharedFolder.PathOf("models/stories260k");
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var model = ModelFolder.Load(folder, ScalarType.Float32, CPU, trainable: false);
        var tokenizer = MistralTokenizer.Load(folder);
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
        foreach (var (prompt, expected) in golden.RootElement.EnumerateObject().Select(property => (property.Name, property.Value)))
        {
            var promptIds = GoldenModel.Ints(expected.GetProperty("prompt_ids"));
            Assert.Equal(promptIds, tokenizer.Encode(prompt, addBos: true));
            var greedy = GoldenModel.Ints(expected.GetProperty("greedy_ids"));
            int[] tokens = [.. new TextGenerator(model).Generate(promptIds, new(Temperature: 0, MaxNewTokens: greedy.Length - promptIds.Length))];
            Assert.Equal(greedy[promptIds.Length..], tokens);

            var logits_V = model.Logits(model.HiddenStates(RaggedBatch.Of(promptIds)))[-1];
            Near.Equal(tensor(GoldenModel.Doubles(expected.GetProperty("last_logits"))), logits_V, 1e-5, $"last logits of {prompt}");
            var batch = LabelledBatch.Of([new(greedy)]);
            var meanNll = -new LabelLogProbs(model, batch, new()).Forward(model.HiddenStates(batch.Batch)).mean().item<float>();
            Near.Equal(expected.GetProperty("mean_nll").GetDouble(), meanNll, 1e-5, $"mean NLL of {prompt}");
        }
    }
}
