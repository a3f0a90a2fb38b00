using System.Text.Json;
using Zephyr.Data;
using Zephyr.Data.Text;

namespace Zephyr.Tests.Data.Text;

/// <summary>The ids on which the golden dDPO steps of stories260k were made.</summary>
public sealed class PairTokenizerGoldenTests
{
    [Fact]
    public void Real_pairs_have_the_golden_ids()
    {
        var pairs = new PairTokenizer(
            MistralTokenizer.Load(SharedFolder.PathOf("models/stories260k")), 512, 256, "keep_end", insertSystem: false);
        using var golden = JsonDocument.Parse(File.ReadAllText(SharedFolder.PathOf("golden/real/stories260k_20_steps.json")));
        var expected = golden.RootElement.GetProperty("dpo_pairs").EnumerateArray().ToList();
        var rows = File.ReadLines(SharedFolder.PathOf("data/preference/ultrafeedback_trl_eval_200.jsonl")).Take(expected.Count);
        var open = (Chosen: 0, Rejected: 0);
        foreach (var (line, i) in rows.Select((line, i) => (line, i)))
        {
            var pair = pairs.Tokenize(Read(line, i));
            Assert.Equal(Ints(expected[i], "prompt_ids"), pair.PromptIds);
            Assert.Equal(Ints(expected[i], "chosen_ids"), pair.ChosenIds);
            Assert.Equal(Ints(expected[i], "rejected_ids"), pair.RejectedIds);
            if (pair.ChosenIds.Length < pair.Whole.Chosen) open.Chosen++;
            if (pair.RejectedIds.Length < pair.Whole.Rejected) open.Rejected++;
        }
        Assert.Equal(expected.Count(row => Ints(row, "chosen_ids")[^1] != 2), open.Chosen);
        Assert.Equal(expected.Count(row => Ints(row, "rejected_ids")[^1] != 2), open.Rejected);
    }

    private static PreferencePair Read(string line, int index)
    {
        using var row = JsonDocument.Parse(line);
        string Text(string name) => row.RootElement.GetProperty(name).GetString()!;
        return new PreferencePair(
            new RowLocation("eval.jsonl", index + 1, IsLine: true),
            [new ChatMessage("user", Text("prompt"))],
            [new ChatMessage("assistant", Text("chosen"))],
            [new ChatMessage("assistant", Text("rejected"))]);
    }

    private static int[] Ints(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(x => x.GetInt32())];
}
