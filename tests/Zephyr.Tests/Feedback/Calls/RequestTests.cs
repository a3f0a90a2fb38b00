using System.Text.Json;
using Zephyr.Configuration;
using Zephyr.Feedback.Calls;
using Zephyr.Runtime;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>What is sent to an endpoint, and that the key goes nowhere else.</summary>
public sealed class RequestTests : IDisposable
{
    private const string Key = "K3y-that-no-form-tells", Variable = "ZEPHYR_TEST_ENDPOINT";

    private readonly CallWorld _world = new();

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(Variable, null);
        _world.Dispose();
    }

    [Fact]
    public async Task A_request_holds_what_was_asked_and_nothing_else()
    {
        await using var endpoint = await FakeEndpoint.Echo();
        var call = new ModelCall("generate/x/0", "fake", [new("system", "be brief"), new("user", "hi")], new(0.5, 0.9, 77, 5, """{"type":"object"}"""));
        await using (var calls = _world.Open(endpoint.Model(options: new() { Model = "m" }))) await calls.Ask(call, TestContext.Current.CancellationToken);
        Assert.Equal("""{"temperature":0.5,"top_p":0.9,"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}],"model":"m","seed":5,"max_tokens":77}""",
            JsonSerializer.Serialize(endpoint.Requests.Single()));
        Assert.Equal([""], endpoint.Keys);
    }

    [Fact]
    public async Task What_an_endpoint_supports_is_used()
    {
        await using var endpoint = await FakeEndpoint.Echo();
        var call = new ModelCall("generate/x/0", "fake", [new("user", "hi")], new(0, 1, 77, 5, """{"type":"object","properties":{"score":{"type":"integer"}},"required":["score"],"additionalProperties":false}"""));
        await using (var calls = _world.Open(endpoint.Model(options: new() { SupportsJsonSchema = true, SupportsSeed = false, MaxTokensField = "max_completion_tokens" })))
            await calls.Ask(call, TestContext.Current.CancellationToken);
        var request = endpoint.Requests.Single();
        Assert.False(request.TryGetProperty("seed", out _));
        Assert.False(request.TryGetProperty("max_tokens", out _));
        Assert.Equal(77, request.GetProperty("max_completion_tokens").GetInt32());
        var format = request.GetProperty("response_format");
        Assert.Equal("json_schema", format.GetProperty("type").GetString());
        Assert.True(format.GetProperty("json_schema").GetProperty("strict").GetBoolean());
        Assert.Equal(call.Options.JsonSchema, JsonSerializer.Serialize(format.GetProperty("json_schema").GetProperty("schema")));
    }

    /// <summary>Some servers say what they were sent, keys and all.</summary>
    [Theory]
    [InlineData(200)]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(500)]
    public async Task The_key_is_sent_and_written_nowhere(int status)
    {
        Environment.SetEnvironmentVariable(Variable, Key);
        await using var endpoint = await FakeEndpoint.Start((context, _, _) => status == 200
            ? FakeEndpoint.Answer(context, "you sent " + context.Request.Headers.Authorization)
            : FakeEndpoint.Error(context, status, "bad key: " + context.Request.Headers.Authorization));
        var said = "";
        await using (var calls = _world.Open(endpoint.Model(options: new() { ApiKeyEnv = Variable, MaxRetries = 0 })))
        {
            try
            {
                said = (await calls.Ask(CallWorld.Call("a"), TestContext.Current.CancellationToken)).ToString();
            }
            catch (RunFailedException failure)
            {
                said = failure.ToString();
            }
        }
        Assert.Equal([$"Bearer {Key}"], endpoint.Keys);
        Assert.Contains("***", said, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, said + await File.ReadAllTextAsync(_world.Journal, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "fake: api_key_env names ZEPHYR_TEST_ENDPOINT, which is not set, expected an environment variable that holds the key")]
    [InlineData("two words", "fake: the environment variable ZEPHYR_TEST_ENDPOINT holds more than a key: white space or letters that no key has")]
    public void A_key_that_is_none_is_said_before_anything_is_sent(string? value, string message)
    {
        Environment.SetEnvironmentVariable(Variable, value);
        var model = new PoolModel("fake", new EndpointOptions { BaseUrl = "http://127.0.0.1:1/v1", ApiKeyEnv = Variable });
        Assert.Equal(message, Assert.Throws<UserErrorException>(() => _world.Open(model)).Message);
        Assert.False(File.Exists(_world.Journal));
    }
}
