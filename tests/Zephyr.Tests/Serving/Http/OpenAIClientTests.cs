using System.ClientModel;
using System.Text;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using ChatMessage = OpenAI.Chat.ChatMessage;

namespace Zephyr.Tests.Serving.Http;

/// <summary>OpenAI's own .NET client, by itself and behind Microsoft.Extensions.AI.</summary>
public class OpenAIClientTests
{
    [Fact]
    public async Task It_holds_a_streamed_conversation()
    {
        await using var served = await ServedModel.Stories();
        var client = Client(served);
        var turns = new List<ChatMessage> { ChatMessage.CreateSystemMessage("You tell stories.") };
        foreach (var question in new[] { "Hello", "And then?" })
        {
            turns.Add(ChatMessage.CreateUserMessage(question));
            var options = new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 25, IncludeLogProbabilities = true, TopLogProbabilityCount = 2 };
            var (text, usage, tokens, reason) = (new StringBuilder(), (ChatTokenUsage?)null, 0, (OpenAI.Chat.ChatFinishReason?)null);
            await foreach (var update in client.CompleteChatStreamingAsync(turns, options, ServedModel.Cancellation))
            {
                foreach (var part in update.ContentUpdate) text.Append(part.Text);
                (usage, tokens, reason) = (update.Usage ?? usage, tokens + update.ContentTokenLogProbabilities.Count, update.FinishReason ?? reason);
            }
            var whole = (await client.CompleteChatAsync(turns, options, ServedModel.Cancellation)).Value;
            Assert.Equal(whole.Content[0].Text, text.ToString());
            Assert.Equal((25, 25, OpenAI.Chat.ChatFinishReason.Length), (usage!.OutputTokenCount, tokens, reason));
            Assert.Equal((whole.Usage.InputTokenCount, whole.Usage.TotalTokenCount), (usage.InputTokenCount, usage.TotalTokenCount));
            turns.Add(ChatMessage.CreateAssistantMessage(text.ToString()));
        }
    }

    [Fact]
    public async Task Its_errors_are_ours()
    {
        await using var served = await ServedModel.Saying("x");
        var error = await Assert.ThrowsAsync<ClientResultException>(() => Client(served, "other").CompleteChatAsync([ChatMessage.CreateUserMessage("a")], cancellationToken: ServedModel.Cancellation));
        Assert.Equal(404, error.Status);
        Assert.Contains("The model does not exist; there is chain", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Behind_the_common_interface_it_says_what_the_local_client_says()
    {
        await using var served = await ServedModel.Stories();
        using var remote = Client(served).AsIChatClient();
        using var local = new Zephyr.Serving.LocalChatClient(served.Service, "stories");
        var options = new ChatOptions { Temperature = 0.8f, TopP = 0.9f, Seed = 3, MaxOutputTokens = 40, FrequencyPenalty = 0.5f, StopSequences = ["zzz"] };
        var (far, near) = (await remote.GetResponseAsync("Hi", options, ServedModel.Cancellation), await local.GetResponseAsync("Hi", options, ServedModel.Cancellation));
        Assert.Equal((near.Text, near.FinishReason, near.Usage!.InputTokenCount, near.Usage.OutputTokenCount), (far.Text, far.FinishReason, far.Usage!.InputTokenCount, far.Usage.OutputTokenCount));
    }

    private static ChatClient Client(ServedModel served, string? model = null) => new(model ?? ServedModelName(served), new ApiKeyCredential("none"),
        new OpenAIClientOptions { Endpoint = served.Server.Address });

    private static string ServedModelName(ServedModel served) => served.Service.Room == 512 ? "stories" : "chain";
}
