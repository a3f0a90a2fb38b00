using System.Text.Json;
using Zephyr.Data;
using Zephyr.Data.Text;

namespace Zephyr.Tests.Data.Text;

/// <summary>The ids on which the golden dSFT steps of stories260k were made: the first rows of capybara_test.parquet, cut to 512.</summary>
public sealed class ConversationTokenizerGoldenTests
{
    [Fact]
    public void Real_conversations_have_the_golden_ids()
    {
        var conversations = new ConversationTokenizer(
            MistralTokenizer.Load(SharedFolder.PathOf("models/stories260k")), insertSystem: false);
        using var steps = JsonDocument.Parse(File.ReadAllText(SharedFolder.PathOf("golden/real/stories260k_20_steps.json")));
        // The golden chats are the same rows as text, with the system turn that these ids do not have.
        using var chats = JsonDocument.Parse(File.ReadAllText(SharedFolder.PathOf("golden/tokenizer/chat.json")));
        var rows = chats.RootElement.GetProperty("cases").EnumerateArray().Select(Read);
        foreach (var (row, expected) in rows.Zip(steps.RootElement.GetProperty("sft_ids").EnumerateArray()))
            Assert.Equal(expected.EnumerateArray().Select(id => id.GetInt32()), conversations.Tokenize(row).Ids.Take(512));
    }

    private static Conversation Read(JsonElement row, int index)
    {
        var messages = row.GetProperty("messages").EnumerateArray()
            .Select(turn => new ChatMessage(turn.GetProperty("role").GetString()!, turn.GetProperty("content").GetString()!));
        return new(new RowLocation("chat.json", index + 1, IsLine: false), [.. messages.Where(turn => turn.Role != ChatMessage.System)]);
    }
}
