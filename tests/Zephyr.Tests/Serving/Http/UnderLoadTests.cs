using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Data.Text;
using static TorchSharp.torch;

namespace Zephyr.Tests.Serving.Http;

public class UnderLoadTests
{
    private const string Endless = """{"model": "chain", "temperature": 0, "messages": [{"role": "user", "content": "b"}], "stream": true}""";

    [Fact]
    public async Task Parallel_requests_get_the_texts_that_single_ones_get()
    {
        await using var served = await ServedModel.Stories(new(new(MaxSequences: 8), MaxQueue: 64));
        Task<string> Ask(int i) => served.Text(i % 3 == 0 ? "completions" : "chat/completions",
            $$"""{"model": "stories", "seed": {{i}}, "temperature": {{i % 4 * 0.5}}, "max_tokens": {{10 + i * 7 % 50}}, {{(i % 3 == 0 ? $"\"prompt\": \"Once {i}\"" : $$"""
              "messages": [{"role": "user", "content": "Tell me about {{i}}"}]
              """)}}}""");
        var alone = new List<string>();
        for (var i = 0; i < 30; i++) alone.Add(await Ask(i));
        Assert.Equal(alone, await Task.WhenAll(Enumerable.Range(0, 30).Select(Ask)));
    }

    [Fact]
    public async Task A_full_queue_says_when_to_come_again_and_whoever_leaves_makes_room()
    {
        await using var served = await ServedModel.Endless(limits: new(new(MaxSequences: 1), MaxQueue: 1));
        var (first, second) = (await Begin(served), served.Client.SendAsync(ServedModel.Request("chat/completions", Endless), HttpCompletionOption.ResponseHeadersRead, ServedModel.Cancellation));
        while (served.Service.Open < 2) await Task.Delay(1, ServedModel.Cancellation);
        using (var refused = await served.Client.SendAsync(ServedModel.Request("chat/completions", Endless), ServedModel.Cancellation))
        {
            Assert.Equal((HttpStatusCode.TooManyRequests, TimeSpan.FromSeconds(1)), (refused.StatusCode, refused.Headers.RetryAfter!.Delta));
            Assert.Equal("rate_limit_exceeded", (string)JsonNode.Parse(await refused.Content.ReadAsStringAsync(ServedModel.Cancellation))!["error"]!["code"]!);
        }
        first.Dispose();
        // The one that waited gets the place.
        using (var waited = await second) Assert.Equal(HttpStatusCode.OK, waited.StatusCode);
        await served.Idle();
        while (served.Served.Count < 3) await Task.Delay(1, ServedModel.Cancellation);
        Assert.Equal([429, 499, 499], served.Served.Select(request => request.Status));
    }

    [Fact]
    public async Task A_request_for_more_answers_than_there_will_ever_be_places_is_not_told_to_come_again()
    {
        await using var served = await ServedModel.Stories(new(new(MaxSequences: 2), MaxQueue: 1));
        const string Four = """{"model": "stories", "messages": [{"role": "user", "content": "a"}], "max_tokens": 1, "n": 4}""";
        Assert.Equal("the request asks for 4 answers, at most 3 may be under way or wait (--max_concurrent and --max_queue)", await served.ErrorOf("chat/completions", Four, status: 400));
        using var three = await served.Client.SendAsync(ServedModel.Request("chat/completions", Four.Replace("4", "3")), ServedModel.Cancellation);
        Assert.Equal(HttpStatusCode.OK, three.StatusCode);
    }

    [Fact]
    public async Task An_answer_that_takes_too_long_is_given_up()
    {
        await using var served = await ServedModel.Endless(ServedModel.Options with { RequestTimeout = TimeSpan.FromSeconds(1.5) });
        Assert.Equal("the answer took longer than 1.5 seconds", await served.ErrorOf("chat/completions", Endless.Replace("true", "false"), status: 504));
        // Where it was streamed, the last event says so.
        var events = await served.Events("chat/completions", Endless);
        Assert.Contains("\"content\":\"a\"", events[1], StringComparison.Ordinal);
        Assert.Equal("""{"error":{"message":"the answer took longer than 1.5 seconds","type":"server_error","param":null,"code":"timeout"}}""", events[^1]);
        await served.Idle();
    }

    [Fact]
    public async Task Shutting_down_refuses_new_requests_and_waits_for_those_under_way()
    {
        await using var served = await ServedModel.Endless(positions: 2000);
        var under = Enumerable.Range(0, 6).Select(_ => served.Events("chat/completions", Endless)).ToList();
        while (served.Service.Open < 6) await Task.Delay(1, ServedModel.Cancellation);
        served.Service.Refuse();
        Assert.Equal("the service is shutting down", await served.ErrorOf("chat/completions", Endless, status: 503));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await served.Client.GetAsync("../health", ServedModel.Cancellation)).StatusCode);
        Assert.True(await served.Server.Stop(TimeSpan.FromMinutes(1)));
        foreach (var events in await Task.WhenAll(under)) Assert.Equal("[DONE]", events[^1]);
    }

    [Fact]
    public async Task What_does_not_end_within_the_grace_is_cut_off_with_an_error()
    {
        await using var served = await ServedModel.Endless();
        var under = Enumerable.Range(0, 6).Select(_ => served.Events("chat/completions", Endless)).ToList();
        while (served.Service.Open < 6) await Task.Delay(1, ServedModel.Cancellation);
        Assert.False(await served.Server.Stop(TimeSpan.FromMilliseconds(50)));
        Assert.Equal(0, served.Service.Open);
        foreach (var events in await Task.WhenAll(under)) Assert.Contains("\"code\":\"shutting_down\"", events[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_breaks_over_a_prompt_answers_the_next_one()
    {
        var model = ChainModel.Create(64, [3 + '\n', .. ChainModel.BytesOf("ok"), 2]);
        var broken = TinyTokenizer.Create().Encode("x")[^1];
        using (no_grad()) model.Parameters["model.embed_tokens.weight"][broken].fill_(double.NaN);
        await using var served = await ServedModel.Of(model, TinyTokenizer.Create());
        string Question(string text) => $$"""{"model": "chain", "temperature": 0, "messages": [{"role": "user", "content": "{{text}}"}]}""";
        var (good, bad) = (served.Text("chat/completions", Question("a")), served.ErrorOf("chat/completions", Question("x"), status: 500));
        Assert.Equal(("ok", "the model's scores for the next token are not numbers (NaN): its weights are broken"), (await good, await bad));
        Assert.Equal("ok", await served.Text("chat/completions", Question("a")));
        Assert.Single(served.Served, request => request.Failure is not null);
    }

    /// <summary>A header that never ends, a body that never comes, a body that is shorter than it was said to be: each is let go, and others are served meanwhile.</summary>
    [Theory]
    [InlineData("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nX-A: ", false, "408")]
    [InlineData("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", false, "408")]
    [InlineData("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", true, "")]
    [InlineData("GET\r\n\r\n", false, "400")]
    [InlineData("\0\u0001\u0002 / HTTP/1.1\r\n\r\n", false, "400")]
    [InlineData("GET /v1/models HTTP/1.1\r\n\r\n", false, "400")]
    [InlineData("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", false, "400")]
    [InlineData("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{", false, "400")]
    public async Task Connections_that_dawdle_or_lie_are_let_go(string sent, bool shut, string status)
    {
        await using var served = await ServedModel.Saying("x", ServedModel.Options with { HeaderTimeout = TimeSpan.FromSeconds(2) });
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, served.Server.Address.Port, ServedModel.Cancellation);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(sent), ServedModel.Cancellation);
        if (shut) socket.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(200, (int)(await served.Client.GetAsync("models", ServedModel.Cancellation)).StatusCode);
        using var reader = new StreamReader(stream);
        var answer = "";
        try
        {
            answer = await reader.ReadToEndAsync(ServedModel.Cancellation).WaitAsync(TimeSpan.FromSeconds(20), ServedModel.Cancellation);
        }
        catch (IOException) when (shut)
        {
            // Nobody is told anything who has hung up.
        }
        Assert.True(status.Length == 0 || answer.StartsWith($"HTTP/1.1 {status} ", StringComparison.Ordinal), answer);
    }

    /// <summary>Begins a streamed answer and reads its first piece.</summary>
    private static async Task<HttpResponseMessage> Begin(ServedModel served)
    {
        var response = await served.Client.SendAsync(ServedModel.Request("chat/completions", Endless), HttpCompletionOption.ResponseHeadersRead, ServedModel.Cancellation);
        var stream = await response.Content.ReadAsStreamAsync(ServedModel.Cancellation);
        Assert.NotEqual(0, await stream.ReadAsync(new byte[10], ServedModel.Cancellation));
        return response;
    }
}
