using System.Text.Json;
using Zephyr.Data;
using Zephyr.Data.Text;

namespace Zephyr.Tests.Data.Text;

/// <summary>The ids that Hugging Face's tokenizers library gives.</summary>
public sealed class MistralTokenizerGoldenTests
{
    private static readonly Lazy<MistralTokenizer> Mistral = new(
        () => MistralTokenizer.Load(SharedFolder.PathOf("golden/tokenizer/mistral-7b-v0.1.tokenizer.model")));

    internal static MistralTokenizer MistralTokenizer7B => Mistral.Value;

    [Fact]
    public void Odd_texts_have_the_golden_ids_and_decode_to_the_golden_text()
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(SharedFolder.PathOf("golden/tokenizer/tokenize.json")));
        foreach (var row in golden.RootElement.EnumerateArray())
        {
            var text = row.GetProperty("text").GetString()!;
            var ids = Ints(row, "ids");
            Assert.Equal(ids, Mistral.Value.Encode(text));
            Assert.Equal(Ints(row, "ids_with_bos"), Mistral.Value.Encode(text, addBos: true));
            Assert.Equal(ids, Mistral.Value.EncodeToIds(text));
            Assert.Equal(row.GetProperty("decoded").GetString(), Mistral.Value.Decode(ids, skipSpecialTokens: false));
        }
    }

    [Fact]
    public void Conversations_render_and_encode_as_golden()
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(SharedFolder.PathOf("golden/tokenizer/chat.json")));
        foreach (var row in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            var messages = row.GetProperty("messages").EnumerateArray()
                .Select(m => new ChatMessage(m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()!)).ToList();
            var rendered = ZephyrTemplate.Render(messages, addGenerationPrompt: false);
            Assert.Equal(row.GetProperty("rendered").GetString(), rendered);
            Assert.Equal(Ints(row, "ids"), Mistral.Value.Encode(rendered));
            Assert.Equal(Ints(row, "ids_with_bos"), Mistral.Value.Encode(rendered, addBos: true));
            var prompt = row.GetProperty("prompt").GetString()!;
            Assert.Equal(Ints(row, "prompt_ids"), Mistral.Value.Encode(prompt));
            Assert.Equal(prompt, ZephyrTemplate.Render(messages.TakeWhile((_, i) => i < messages.Count - 1), addGenerationPrompt: true));
        }
    }

    [Fact]
    public void Real_rows_encode_as_the_plain_rules_say()
    {
        var reference = new ReferenceBpe(Mistral.Value.Model);
        var lines = File.ReadLines(SharedFolder.PathOf("data/preference/ultrafeedback_trl_eval_200.jsonl"));
        foreach (var line in lines.Take(60))
        {
            // Whole lines hold every kind of JSON punctuation; cut short, for the reference is quadratic.
            var text = line[..Math.Min(line.Length, 1500)];
            Assert.Equal(reference.Encode(text), Mistral.Value.Encode(text));
        }
    }

    [Theory]
    [InlineData("x"), InlineData(" "), InlineData("▁"), InlineData("\n"), InlineData("`"), InlineData("ab"), InlineData("日"), InlineData("😀")]
    public void A_megabyte_of_one_character_takes_no_longer_than_a_moment(string unit)
    {
        var text = string.Concat(Enumerable.Repeat(unit, 1_000_000 / unit.Length));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var ids = Mistral.Value.Encode(text);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 20);
        Assert.Equal(text.Replace('▁', ' '), Mistral.Value.Decode(ids));
    }

    private static int[] Ints(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(x => x.GetInt32())];
}
