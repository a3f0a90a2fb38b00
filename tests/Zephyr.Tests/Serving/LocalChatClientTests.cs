using System.Text.Json;
using Microsoft.Extensions.AI;
using Zephyr.Model.Generation;
using Zephyr.Pipeline;
using Zephyr.Serving;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Data.Text;
using Zephyr.Tests.Serving.Http;

namespace Zephyr.Tests.Serving;

public sealed class LocalChatClientTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_conversation_goes_through_the_template_and_its_answer_comes_with_its_tokens()
    {
        // The template ends in a newline, a byte piece: the answer starts from there.
        ChainModel.Write(_folder.Path, [3 + '\n', Piece("▁ab"), Piece("c"), 2]);
        using var model = LocalModel.Load(_folder.Path, new(new()));
        using var client = model.Client("chain");
        var answer = await client.GetResponseAsync([new(ChatRole.User, "b")], new() { Temperature = 0 }, Cancellation);
        var prompt = TinyTokenizer.Create().Encode("<|user|>\nb</s>\n<|assistant|>\n", addBos: true).Length;
        Assert.Equal(("abc", "chain", ChatFinishReason.Stop), (answer.Text, answer.ModelId, answer.FinishReason));
        Assert.Equal((prompt, 2, prompt + 2), (answer.Usage!.InputTokenCount, answer.Usage.OutputTokenCount, answer.Usage.TotalTokenCount));
    }

    [Fact]
    public async Task A_stop_string_across_tokens_ends_the_answer_and_is_not_part_of_it()
    {
        ChainModel.Write(_folder.Path, [3 + '\n', Piece("▁ab"), Piece("bc"), Piece("x"), Piece("a"), 2]);
        using var model = LocalModel.Load(_folder.Path, new(new()));
        using var client = model.Client("chain");
        var updates = new List<ChatResponseUpdate>();
        await foreach (var update in client.GetStreamingResponseAsync([new(ChatRole.User, "b")], new() { Temperature = 0, StopSequences = ["cxa", "bbcy", "cx"] }, Cancellation))
            updates.Add(update);
        Assert.Equal("abb", string.Concat(updates.Select(update => update.Text)));
        Assert.Equal(["a", "bb"], updates.Select(update => update.Text).Where(text => text.Length > 0));
        Assert.Equal(ChatFinishReason.Stop, updates[^1].FinishReason);
        Assert.Equal(3, updates[^1].Contents.OfType<UsageContent>().Single().Details.OutputTokenCount);
    }

    [Fact]
    public async Task Concurrent_calls_get_the_texts_they_get_alone()
    {
        using var model = LocalModel.Load(SharedFolder.PathOf("models/stories260k"), new(new()));
        using var client = model.Client("stories");
        Task<ChatResponse> Ask(int i) => client.GetResponseAsync([new(ChatRole.User, $"Tell me about number {i}")],
            new() { Temperature = i % 2, TopP = 0.9f, Seed = i, MaxOutputTokens = 20 + i * 7 % 60 }, Cancellation);
        var alone = new List<string>();
        for (var i = 0; i < 24; i++) alone.Add((await Ask(i)).Text);
        var together = await Task.WhenAll(Enumerable.Range(0, 24).Select(Ask));
        Assert.Equal(alone, together.Select(answer => answer.Text));
        Assert.Equal(24, alone.Distinct().Count());
    }

    [Fact]
    public async Task Greedy_text_of_a_real_model_is_that_of_transformers()
    {
        var folder = SharedFolder.PathOf("models/stories260k");
        using var model = LocalModel.Load(folder, new(new()));
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
        var texts = await Task.WhenAll(golden.RootElement.EnumerateObject().Select(async prompt =>
        {
            var ids = model.Service.Tokenizer.Encode(prompt.Name, addBos: true);
            var request = new TextRequest(ids, new SamplingOptions(Temperature: 0, MaxNewTokens: prompt.Value.GetProperty("greedy_ids").GetArrayLength() - ids.Length)) { ContinuesText = true };
            var text = prompt.Name;
            await foreach (var part in model.Service.Answer(request, Cancellation)) text += part.Text;
            return text;
        }));
        Assert.Equal(golden.RootElement.EnumerateObject().Select(prompt => prompt.Value.GetProperty("greedy_text").GetString()), texts);
    }

    [Fact]
    public async Task Without_a_seed_no_two_calls_draw_alike_and_the_service_starts_over_the_same()
    {
        ChainModel.Write(_folder.Path, 4, 5);
        async Task<string[]> Three()
        {
            using var model = LocalModel.Load(_folder.Path, new(new(), Seed: 5));
            using var client = model.Client("chain");
            var texts = new List<string>();
            for (var i = 0; i < 3; i++) texts.Add((await client.GetResponseAsync("a", new() { MaxOutputTokens = 20 }, Cancellation)).Text);
            return [.. texts];
        }
        var texts = await Three();
        Assert.Equal(3, texts.Distinct().Count());
        Assert.Equal(texts, await Three());
    }

    [Fact]
    public async Task What_the_model_cannot_do_is_refused()
    {
        ChainModel.Write(_folder.Path, 4, 5);
        using var model = LocalModel.Load(_folder.Path, new(new()));
        using var client = model.Client("chain");
        async Task<string> Refused<T>(ChatMessage message, ChatOptions options) where T : Exception =>
            (await Assert.ThrowsAsync<T>(() => client.GetResponseAsync([message], options, Cancellation))).Message;
        var said = new ChatMessage(ChatRole.User, "a");
        Assert.Equal("a local model calls no tools", await Refused<NotSupportedException>(said, new() { Tools = [AIFunctionFactory.Create(() => 1, "one")] }));
        Assert.Contains("JSON format", await Refused<NotSupportedException>(said, new() { ResponseFormat = ChatResponseFormat.Json }));
        Assert.Contains("reads text only", await Refused<NotSupportedException>(new(ChatRole.User, [new UriContent("http://x/y.png", "image/png")]), new()));
        Assert.Contains("a turn of the role tool", await Refused<NotSupportedException>(new(ChatRole.Tool, "x"), new()));
        Assert.Equal("temperature: found -1, expected a number from 0 to 1000000", await Refused<Zephyr.Runtime.UserErrorException>(said, new() { Temperature = -1 }));
        Assert.Equal("the prompt has 94 tokens, the model was made for 64 (max_position_embeddings)",
            await Refused<PromptTooLongException>(new(ChatRole.User, new string('x', 70)), new()));
    }

    [Fact]
    public async Task An_entry_of_the_endpoints_file_says_how_many_tokens_are_held()
    {
        ChainModel.Saying(_folder.Path, "hi");
        using var client = LocalModels.Open(new() { Local = _folder.Path, MaxConcurrency = 2, MaxCacheTokens = 100 });
        var refused = await Assert.ThrowsAsync<PromptTooLongException>(() => client.GetResponseAsync([new(ChatRole.User, new string('x', 200))], new(), Cancellation));
        Assert.EndsWith("expected fewer than 128: prompt and answer must fit the cache (max_cache_tokens)", refused.Message, StringComparison.Ordinal);
        Assert.Equal("hi", (await client.GetResponseAsync([new(ChatRole.User, "a")], new() { Temperature = 0 }, Cancellation)).Text);
    }

    [Fact]
    public async Task Whoever_stops_reading_gives_the_answer_up()
    {
        await using var served = await ServedModel.Endless(limits: new(new(MaxSequences: 1), MaxQueue: 0));
        var request = TextRequest.OfConversation(served.Service.Tokenizer, [new("user", "b")], new(Temperature: 0, MaxNewTokens: served.Service.Room));
        await foreach (var _ in served.Service.Answer(request, Cancellation))
        {
            // The one place is taken, and nobody may wait.
            await Assert.ThrowsAsync<QueueFullException>(async () => await served.Service.Answer(request, Cancellation).GetAsyncEnumerator(Cancellation).MoveNextAsync());
            break;
        }
        await served.Idle();
        Assert.True(await served.Service.Stop(TimeSpan.FromSeconds(10)));
        await Assert.ThrowsAsync<ServiceStoppedException>(async () => await served.Service.Answer(request, Cancellation).GetAsyncEnumerator(Cancellation).MoveNextAsync());
    }

    public void Dispose() => _folder.Dispose();

    private static int Piece(string text)
    {
        var tokenizer = TinyTokenizer.Create();
        return Enumerable.Range(0, tokenizer.VocabularySize).Single(id => tokenizer.Piece(id) == text);
    }
}
