using System.Text.Json;
using Zephyr.Data.Batches;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Weights;
using Zephyr.Objectives;
using Zephyr.Tests.Golden;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

/// <summary>A real pretrained model on real rows, from the files to the twentieth step, as transformers trains it.</summary>
public class RealTrajectoryTests
{
    private const int Batch = 4;

    [Fact]
    public void Twenty_sft_steps_on_capybara()
    {
        using var golden = Golden();
        using var model = Load(trainable: true);
        var tokenize = new ConversationTokenizer(Tokenizer, insertSystem: false);
        var rows = ConversationSchema.Read([SharedFolder.PathOf("data/sft/capybara_test.parquet")]).Select(tokenize.Tokenize);
        var ids = golden.RootElement.GetProperty("sft_ids").EnumerateArray().Select(GoldenModel.Ints).ToList();
        var sequences = Packing.OneEach(rows.Take(ids.Count), 512, assistantOnly: false).Sequences;
        Assert.Equal(ids, sequences.Select(sequence => sequence.Ids));
        using var trainer = TrajectoryTests.Trainer(model, new SftObjective(model, new()), sequences, Batch, 1);
        TrajectoryTests.Follow(trainer, golden.RootElement.GetProperty("sft_20_steps"));
    }

    [Fact]
    public void Twenty_dpo_steps_on_ultrafeedback()
    {
        using var golden = Golden();
        using MistralForCausalLM policy = Load(trainable: true), reference = Load(trainable: false);
        var tokenize = new PairTokenizer(Tokenizer, 512, 256, "keep_end", insertSystem: false);
        var pairs = PreferenceSchema.Read([SharedFolder.PathOf("data/preference/ultrafeedback_trl_eval_200.jsonl")]).Take(80).Select(tokenize.Tokenize).ToList();
        foreach (var (expected, pair) in GoldenModel.Pairs(golden.RootElement.GetProperty("dpo_pairs")).Zip(pairs))
            Assert.Equal((int[][])[expected.PromptIds, expected.ChosenIds, expected.RejectedIds], [pair.PromptIds, pair.ChosenIds, pair.RejectedIds]);
        var settings = new DpoSettings(DpoLossSettings.Sigmoid(0.1));
        var objective = new DpoObjective(policy, new FrozenReference(reference, settings, new()), settings, new());
        using var trainer = TrajectoryTests.Trainer(policy, objective, pairs, Batch, 1, rate: 1e-5);
        TrajectoryTests.Follow(trainer, golden.RootElement.GetProperty("dpo_20_steps"));
    }

    private static MistralTokenizer Tokenizer => MistralTokenizer.Load(SharedFolder.PathOf("models/stories260k"));

    private static MistralForCausalLM Load(bool trainable) =>
        ModelFolder.Load(SharedFolder.PathOf("models/stories260k"), ScalarType.Float32, CPU, trainable);

    private static JsonDocument Golden() => JsonDocument.Parse(File.ReadAllBytes(SharedFolder.PathOf("golden/real/stories260k_20_steps.json")));
}
