using System.Net.Http.Headers;
using System.Text;

namespace Zephyr.Tests.Serving.Http;

/// <summary>What is wrong with a request is said in OpenAI's shape, in a sentence that names the field.</summary>
public sealed class RefusedRequestTests : IAsyncLifetime
{
    private const string Turns = """ "messages": [{"role": "user", "content": "b"}] """;
    private ServedModel _served = null!;

    public async ValueTask InitializeAsync() => _served = await ServedModel.Saying("x", ServedModel.Options with { MaxBodyBytes = 20_000 });

    public ValueTask DisposeAsync() => _served.DisposeAsync();

    public static TheoryData<string, string> Fields => new()
    {
        { "\"messages\": []", "messages: found a list of 0, expected a list of 1 to 4096 {role, content}" },
        { "\"messages\": [3]", "messages[0]: found 3, expected an object {role, content}" },
        { "\"n\": 1", "messages: found nothing, expected a list of {role, content}" },
        { "\"messages\": [{\"role\": \"tool\", \"content\": \"b\"}]", "messages[0].role: found the turn of a tool, expected system, developer, user or assistant, the turns that the chat template writes" },
        { "\"messages\": [{\"role\": \"user\"}]", "messages[0].content: found nothing, expected a text or a list of {\"type\": \"text\", \"text\": ...}" },
        { "\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", \"image_url\": {}}]}]", "messages[0].content[0].type: only parts of type text are supported" },
        { "\"messages\": [{\"role\": \"user\", \"content\": \"b\", \"name\": \"Al\"}]", "messages[0].name: the chat template has no place for it" },
        { "\"messages\": [{\"role\": \"user\", \"content\": \"b\", \"weight\": 1}]", "Unrecognized request argument supplied: messages[0].weight" },
        { Turns + ", \"temperature\": 2.5", "temperature: found 2.5, expected a number from 0 to 2" },
        { Turns + ", \"temperature\": \"hot\"", "temperature: found a text, expected a number from 0 to 2" },
        { Turns + ", \"top_p\": 1e999", "top_p: found 1e999, expected a number from 0 to 1" },
        { Turns + ", \"n\": 17", "n: found 17, expected a whole number from 1 to 16" },
        { Turns + ", \"n\": 1.5", "n: found 1.5, expected a whole number from 1 to 16" },
        { Turns + ", \"max_tokens\": 0", "max_tokens: found 0, expected a whole number of at least 1" },
        { Turns + ", \"max_tokens\": 3, \"max_completion_tokens\": 4", "max_tokens: differs from max_completion_tokens, its newer name; give one of them" },
        { Turns + ", \"stop\": [\"\"]", "stop: found a text of 0 characters, expected a text or a list of at most 16 texts, each of 1 to 1000 characters" },
        { Turns + ", \"stop\": 4", "stop: found 4, expected a text or a list of at most 16 texts, each of 1 to 1000 characters" },
        { Turns + ", \"seed\": 1e3", "seed: found 1e3, expected a whole number of 64 bits" },
        { Turns + ", \"stream\": 1", "stream: found 1, expected true or false" },
        { Turns + ", \"stream_options\": {\"include_usage\": true}", "stream_options: goes with stream: true" },
        { Turns + ", \"stream\": true, \"stream_options\": {\"x\": true}", "Unrecognized request argument supplied: stream_options.x" },
        { Turns + ", \"top_logprobs\": 2", "top_logprobs: goes with logprobs: true" },
        { Turns + ", \"logprobs\": true, \"top_logprobs\": 21", "top_logprobs: found 21, expected a whole number from 0 to 20" },
        { Turns + ", \"logit_bias\": {\"a\": 1}", "logit_bias: found 1, expected token ids with a number from -100 to 100 each" },
        { Turns + ", \"tools\": [{}]", "tools: tools are not supported" },
        { Turns + ", \"response_format\": {\"type\": \"json_object\"}", "response_format: only {\"type\": \"text\"} is supported: the model cannot be held to a JSON format" },
        { Turns + ", \"verbosity\": \"low\"", "Unrecognized request argument supplied: verbosity" },
    };

    [Theory]
    [MemberData(nameof(Fields))]
    public async Task A_field_of_a_chat(string fields, string message) =>
        Assert.Equal(message, await _served.ErrorOf("chat/completions", $$"""{"model": "chain", {{fields}}}"""));

    [Theory]
    [InlineData("\"n\": 1", "prompt: found nothing, expected a text, token ids, or a list of them")]
    [InlineData("\"prompt\": {}", "prompt: found an object, expected a text, a list of token ids, or a list of texts or of lists of token ids")]
    [InlineData("\"prompt\": [1, \"a\"]", "prompt: found a text, expected a text, a list of token ids, or a list of texts or of lists of token ids")]
    [InlineData("\"prompt\": [[]]", "prompt: found a list of 0, expected a text, a list of token ids, or a list of texts or of lists of token ids")]
    [InlineData("\"prompt\": [1, 284]", "the prompt holds the token id 284, the model knows ids from 0 to 283 (vocab_size)")]
    [InlineData("\"prompt\": [1, -1]", "the prompt holds the token id -1, the model knows ids from 0 to 283 (vocab_size)")]
    [InlineData("\"prompt\": \"a\", \"echo\": true", "echo: the prompt is not repeated")]
    [InlineData("\"prompt\": \"a\", \"best_of\": 2", "best_of: all n answers are given")]
    [InlineData("\"prompt\": \"a\", \"suffix\": \"b\"", "suffix: text is only added at the end")]
    public async Task A_field_of_a_completion(string fields, string message) =>
        Assert.Equal(message, await _served.ErrorOf("completions", $$"""{"model": "chain", {{fields}}}"""));

    [Fact]
    public async Task The_shape_is_openais_with_the_field_and_a_code()
    {
        var (_, body) = await _served.Post("chat/completions", $$"""{"model": "chain", {{Turns}}, "n": 0}""");
        Assert.Equal("""{"error":{"message":"n: found 0, expected a whole number from 1 to 16","type":"invalid_request_error","param":"n","code":null}}""", body.ToJsonString());
        (_, body) = await _served.Post("chat/completions", $$"""{"model": "gpt-4o", {{Turns}}}""");
        Assert.Equal("""{"error":{"message":"The model does not exist; there is chain","type":"invalid_request_error","param":"model","code":"model_not_found"}}""", body.ToJsonString());
        var (status, tooLong) = await _served.Post("completions", $$"""{"model": "chain", "prompt": "{{new string('x', 70)}}"}""");
        Assert.Equal((400, "context_length_exceeded", "the prompt has 72 tokens, the model was made for 64 (max_position_embeddings)"),
            (status, (string)tooLong["error"]!["code"]!, (string)tooLong["error"]!["message"]!));
    }

    [Theory]
    [InlineData("""{"model": "chain", "messages": [{"role": "user", "content": "\ud800"}]}""", "the body holds a text that is not Unicode: half of a surrogate pair, or bytes that are not UTF-8")]
    [InlineData("""{"model": "chain", "messages": [{"role": "user", "content": "b"}], "stop": "\udc00"}""", "the body holds a text that is not Unicode: half of a surrogate pair, or bytes that are not UTF-8")]
    [InlineData("""{"model": "chain", "model": "chain"}""", "the body is not JSON, or nested deeper than 32 levels, or has a name twice")]
    [InlineData("", "the body is not JSON, or nested deeper than 32 levels, or has a name twice: line 1, byte 0")]
    [InlineData("{\"model\": \"chain\"", "the body is not JSON, or nested deeper than 32 levels, or has a name twice: line 1, byte 17")]
    [InlineData("[1]", "the body: found a list of 1, expected a JSON object")]
    [InlineData("{}", "model: found nothing, expected a model's name (GET /v1/models lists them)")]
    public async Task A_body(string body, string message) => Assert.Equal(message, await _served.ErrorOf("chat/completions", body));

    [Fact]
    public async Task Bodies_that_are_too_much_are_refused()
    {
        Assert.StartsWith("the body is not JSON, or nested deeper", await _served.ErrorOf("completions", string.Concat(Enumerable.Repeat("[", 10_000))), StringComparison.Ordinal);
        Assert.Equal("the body is larger than 20000 bytes", await _served.ErrorOf("completions", new string(' ', 20_001), status: 413));
        var stops = string.Join(',', Enumerable.Range(0, 1000).Select(i => $"\"{i}\""));
        Assert.Equal("stop: found a list of 1000, expected a text or a list of at most 16 texts, each of 1 to 1000 characters",
            await _served.ErrorOf("chat/completions", $$"""{"model": "chain", {{Turns}}, "stop": [{{stops}}]}"""));
        // A limit that no model reaches is a limit nevertheless.
        Assert.Equal(200, (await _served.Post("chat/completions", $$"""{"model": "chain", {{Turns}}, "max_tokens": 9223372036854775807}""")).Status);
    }

    [Theory]
    [InlineData("text/plain", null, 415)]
    [InlineData("application/json; charset=utf-16", null, 415)]
    [InlineData("application/json; charset=UTF-8", null, 400)]
    [InlineData(null, null, 415)]
    [InlineData("application/json", "gzip", 415)]
    public async Task Types_and_encodings(string? type, string? encoding, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "completions") { Content = new ByteArrayContent(Encoding.UTF8.GetBytes("{}")) };
        if (type is not null) request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        if (encoding is not null) request.Content.Headers.ContentEncoding.Add(encoding);
        Assert.Equal(status, (int)(await _served.Client.SendAsync(request, ServedModel.Cancellation)).StatusCode);
    }

    [Theory]
    [InlineData("GET", "completions", 405, "POST")]
    [InlineData("DELETE", "models", 405, "GET")]
    [InlineData("POST", "../health", 405, "GET")]
    [InlineData("OPTIONS", "chat/completions", 405, "POST")]
    [InlineData("GET", "embeddings", 404, null)]
    [InlineData("GET", "../", 404, null)]
    public async Task Paths_and_methods(string method, string path, int status, string? allow)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await _served.Client.SendAsync(request, ServedModel.Cancellation);
        Assert.Equal((status, allow), ((int)response.StatusCode, response.Content.Headers.Allow.SingleOrDefault()));
        Assert.StartsWith("{\"error\":{\"message\":", await response.Content.ReadAsStringAsync(ServedModel.Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_changes_no_text_is_taken_and_null_is_as_good_as_nothing() =>
        Assert.Equal("x", await _served.Text("chat/completions", $$"""
            {"model": "chain", {{Turns}}, "temperature": 0, "user": "u", "metadata": {"a": "b"}, "store": false, "service_tier": "auto", "parallel_tool_calls": true, "tools": [],
             "tool_choice": "none", "response_format": {"type": "text"}, "modalities": ["text"], "stop": null, "n": null, "logprobs": false, "seed": null, "top_k": -1, "stream": null}
            """));
}
