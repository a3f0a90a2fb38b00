using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Zephyr.Runtime;
using Zephyr.Serving.Http;
using Zephyr.Tests.Data.Text;

namespace Zephyr.Tests.Serving.Http;

public class ChatServerTests
{
    private const string Chat = "chat/completions", Texts = "completions";

    [Fact]
    public async Task A_chat_is_answered_in_openais_shape()
    {
        await using var served = await ServedModel.Saying("hé!");
        var (status, answer) = await served.Post(Chat, """{"model": "chain", "temperature": 0, "messages": [{"role": "user", "content": "b"}]}""");
        var prompt = TinyTokenizer.Create().Encode("<|user|>\nb</s>\n<|assistant|>\n", addBos: true).Length;
        Assert.Equal(200, status);
        Assert.StartsWith("chatcmpl-", (string)answer["id"]!, StringComparison.Ordinal);
        Assert.Equal("chat.completion", (string)answer["object"]!);
        Assert.Equal("""[{"index":0,"message":{"role":"assistant","content":"hé!","refusal":null},"logprobs":null,"finish_reason":"stop"}]""", Plain(answer["choices"]!));
        Assert.Equal($$"""{"prompt_tokens":{{prompt}},"completion_tokens":4,"total_tokens":{{prompt + 4}}}""", Plain(answer["usage"]!));
    }

    [Fact]
    public async Task A_streamed_chat_comes_in_pieces_of_whole_characters_with_its_usage_where_it_is_asked_for()
    {
        await using var served = await ServedModel.Saying("hé!");
        const string Question = """{"model": "chain", "temperature": 0, "stream": true, "messages": [{"role": "user", "content": "b"}]""";
        foreach (var usage in new[] { false, true })
        {
            var events = await served.Events(Chat, Question + (usage ? """, "stream_options": {"include_usage": true}}""" : "}"));
            Assert.Equal("[DONE]", events[^1]);
            var pieces = events[..^1].Select(piece => JsonNode.Parse(piece)!).ToList();
            Assert.All(pieces, piece => Assert.Equal(("chat.completion.chunk", usage), ((string)piece["object"]!, piece.AsObject().ContainsKey("usage"))));
            if (usage)
            {
                Assert.Equal((0, 4), (pieces[^1]["choices"]!.AsArray().Count, (int)pieces[^1]["usage"]!["completion_tokens"]!));
                pieces.RemoveAt(pieces.Count - 1);
            }
            Assert.Equal(
                ["""{"role":"assistant","content":"h"}""", """{"content":"é"}""", """{"content":"!"}""", "{}"], pieces.Select(piece => Plain(piece["choices"]![0]!["delta"]!)));
            Assert.Equal([null, null, null, "stop"], pieces.Select(piece => (string?)piece["choices"]![0]!["finish_reason"]));
            Assert.Single(pieces.Select(piece => (string)piece["id"]!).Distinct());
        }
    }

    [Fact]
    public async Task Greedy_completions_of_a_real_model_are_those_of_transformers()
    {
        await using var served = await ServedModel.Stories();
        using var golden = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.PathOf("models/stories260k/golden.json")));
        foreach (var prompt in golden.RootElement.EnumerateObject())
        {
            var most = prompt.Value.GetProperty("greedy_ids").GetArrayLength() - prompt.Value.GetProperty("prompt_ids").GetArrayLength();
            foreach (var input in new[] { JsonSerializer.Serialize(prompt.Name), prompt.Value.GetProperty("prompt_ids").GetRawText() })
                Assert.Equal(prompt.Value.GetProperty("greedy_text").GetString(),
                    prompt.Name + await served.Text(Texts, $$"""{"model": "stories", "temperature": 0, "max_tokens": {{most}}, "prompt": {{input}}}"""));
        }
    }

    [Fact]
    public async Task Several_answers_to_several_prompts_are_numbered_through_and_each_is_its_seeds()
    {
        await using var served = await ServedModel.Stories();
        async Task<string[]> Ask(string prompt, int n)
        {
            var (_, answer) = await served.Post(Texts, $$"""{"model": "stories", "seed": 7, "temperature": 2, "max_tokens": 12, "n": {{n}}, "prompt": {{prompt}}}""");
            Assert.Equal(Enumerable.Range(0, answer["choices"]!.AsArray().Count), answer["choices"]!.AsArray().Select(choice => (int)choice!["index"]!));
            return [.. answer["choices"]!.AsArray().Select(choice => (string)choice!["text"]!)];
        }
        var all = await Ask("""["Once upon", "A dog"]""", 3);
        string[] apart = [.. await Ask("\"Once upon\"", 3), .. await Ask("\"A dog\"", 3)];
        Assert.Equal(apart, all);
        Assert.Equal(6, all.Distinct().Count());
        Assert.Equal(all[0], (await Ask("\"Once upon\"", 1)).Single());
    }

    [Fact]
    public async Task A_stop_ends_the_answer_whole_and_streamed()
    {
        await using var served = await ServedModel.Saying("one twi");
        const string Question = """{"model": "chain", "temperature": 0, "messages": [{"role": "user", "content": "b"}], "stop": ["e t", "x"]""";
        Assert.Equal("on", await served.Text(Chat, Question + "}"));
        var pieces = (await served.Events(Chat, Question + """, "stream": true}"""))[..^1].Select(piece => JsonNode.Parse(piece)!["choices"]![0]!).ToList();
        Assert.Equal("on", string.Concat(pieces.Select(piece => (string?)piece["delta"]!["content"])));
        Assert.Equal("stop", (string)pieces[^1]["finish_reason"]!);
    }

    [Fact]
    public async Task Log_probabilities_come_with_each_token_of_the_text_and_none_of_the_stop()
    {
        await using var served = await ServedModel.Saying("né two");
        const string Question = """{"model": "chain", "temperature": 0, "messages": [{"role": "user", "content": "b"}], "stop": "t", "logprobs": true, "top_logprobs": 2""";
        var (_, answer) = await served.Post(Chat, Question + "}");
        var tokens = answer["choices"]![0]!["logprobs"]!["content"]!.AsArray();
        Assert.Equal(["<0x6E>", "<0xC3>", "<0xA9>", "<0x20>"], tokens.Select(token => (string)token!["token"]!));
        Assert.Equal(["[110]", "[195]", "[169]", "[32]"], tokens.Select(token => Plain(token!["bytes"]!)));
        Assert.All(tokens, token => Assert.Equal((double)token!["logprob"]!, (double)token["top_logprobs"]![0]!["logprob"]!));
        Assert.All(tokens, token => Assert.Equal(2, token!["top_logprobs"]!.AsArray().Count));
        var streamed = (await served.Events(Chat, Question + """, "stream": true}"""))[..^1].SelectMany(piece => JsonNode.Parse(piece)!["choices"]![0]!["logprobs"]!["content"]!.AsArray());
        Assert.Equal(tokens.Select(token => token!.ToJsonString()), streamed.Select(token => token!.ToJsonString()));

        (_, answer) = await served.Post(Texts, """{"model": "chain", "temperature": 0, "prompt": "\n", "logprobs": 1, "max_tokens": 3}""");
        var legacy = answer["choices"]![0]!["logprobs"]!;
        Assert.Equal("""["<0x6E>","<0xC3>","<0xA9>"]""", Plain(legacy["tokens"]!));
        Assert.Equal("[0,1,1]", Plain(legacy["text_offset"]!));
        Assert.Equal((3, 3), (legacy["token_logprobs"]!.AsArray().Count, legacy["top_logprobs"]!.AsArray().Count));
    }

    [Fact]
    public async Task Turns_of_parts_and_of_developers_read_as_text_and_as_system()
    {
        await using var served = await ServedModel.Saying("x");
        async Task<int> Tokens(string messages) => (int)(await served.Post(Chat, $$"""{"model": "chain", "messages": {{messages}}}""")).Body["usage"]!["prompt_tokens"]!;
        Assert.Equal(await Tokens("""[{"role": "system", "content": "ab"}, {"role": "user", "content": "bc"}]"""),
            await Tokens("""[{"role": "developer", "content": "ab"}, {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]}]"""));
        Assert.All(served.Served, request => Assert.Equal(("POST", "/v1/chat/completions", 200, null), (request.Method, request.Path, request.Status, request.Refusal)));
    }

    [Fact]
    public async Task The_one_model_is_listed_and_health_is_told()
    {
        await using var served = await ServedModel.Saying("x");
        var models = JsonNode.Parse(await served.Client.GetStringAsync("models", ServedModel.Cancellation))!;
        var model = JsonNode.Parse(await served.Client.GetStringAsync("models/chain", ServedModel.Cancellation))!;
        Assert.Equal(("list", "chain", "model", 64), ((string)models["object"]!, (string)model["id"]!, (string)model["object"]!, (int)model["max_model_len"]!));
        Assert.Equal(Plain(model), Plain(models["data"]!.AsArray().Single()!));
        Assert.Equal(HttpStatusCode.NotFound, (await served.Client.GetAsync("models/other", ServedModel.Cancellation)).StatusCode);
        Assert.Equal("""{"status":"ok","model":"chain","open":0}""", (await served.Client.GetStringAsync("../health", ServedModel.Cancellation)).TrimEnd());
    }

    [Fact]
    public async Task With_a_key_nothing_but_health_is_answered_without_it()
    {
        await using var served = await ServedModel.Saying("x", ServedModel.Options with { ApiKey = "se cret" });
        async Task<HttpStatusCode> Get(string path, string? authorization)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
            return (await served.Client.SendAsync(request, ServedModel.Cancellation)).StatusCode;
        }
        Assert.Equal(HttpStatusCode.OK, await Get("../health", null));
        Assert.Equal(HttpStatusCode.OK, await Get("models", "Bearer se cret"));
        foreach (var wrong in new[] { null, "", "Bearer", "Bearer ", "Bearer se cre", "Bearer se crets", "Basic se cret", "se cret" })
            Assert.Equal(HttpStatusCode.Unauthorized, await Get("models", wrong));
    }

    [Fact]
    public async Task Without_a_key_the_pages_of_other_hosts_do_not_get_through()
    {
        await using var served = await ServedModel.Saying("x");
        foreach (var (host, expected) in new[] { ("evil.example", 403), ("192.0.2.1", 403), ("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:8000", 200) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "models") { Headers = { Host = host } };
            Assert.Equal(expected, (int)(await served.Client.SendAsync(request, ServedModel.Cancellation)).StatusCode);
        }
    }

    [Fact]
    public async Task Where_others_can_reach_it_there_must_be_a_key()
    {
        await using var served = await ServedModel.Saying("x");
        async Task<string> Refused(ServerOptions options) =>
            (await Assert.ThrowsAsync<UserErrorException>(() => ChatServer.Start(served.Service, options, TimeProvider.System, _ => { }))).Message;
        Assert.Equal("host: found 0.0.0.0, where others can reach it, expected an API key (api_key_env), or a loopback address such as 127.0.0.1", await Refused(new("m") { Host = "0.0.0.0" }));
        Assert.Equal("host: found nowhere, expected an IP address (0.0.0.0 for all of the machine's) or localhost", await Refused(new("m") { Host = "nowhere" }));
        Assert.Matches("^port: [0-9]+ at 127.0.0.1 cannot be listened at", await Refused(new("m") { Port = served.Server.Address.Port }));
        await using var open = await ChatServer.Start(served.Service, new("m") { Host = "0.0.0.0", ApiKey = "k" }, TimeProvider.System, _ => { });
        Assert.NotEqual(0, open.Address.Port);
    }

    private static string Plain(JsonNode node) => node.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
