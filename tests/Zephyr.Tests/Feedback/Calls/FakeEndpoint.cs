using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Zephyr.Configuration;
using Zephyr.Feedback.Calls;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>A real HTTP server on loopback that answers chat completions as a test wants it.</summary>
internal sealed class FakeEndpoint : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeEndpoint(WebApplication app) => _app = app;

    /// <summary>What every request asked, in the order of arrival.</summary>
    public ConcurrentQueue<JsonElement> Requests { get; } = new();

    /// <summary>The Authorization header of every request.</summary>
    public ConcurrentQueue<string> Keys { get; } = new();

    public string BaseUrl => _app.Urls.Single() + "/v1";

    /// <summary>Starts one.</summary>
    /// <param name="answer">Answers a request; it is given the request's body and number, from 0.</param>
    public static async Task<FakeEndpoint> Start(Func<HttpContext, JsonElement, int, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var endpoint = new FakeEndpoint(app);
        var count = -1;
        app.MapPost("/v1/chat/completions", async context =>
        {
            var body = await JsonSerializer.DeserializeAsync<JsonElement>(context.Request.Body, cancellationToken: context.RequestAborted);
            endpoint.Requests.Enqueue(body);
            endpoint.Keys.Enqueue(context.Request.Headers.Authorization.ToString());
            await answer(context, body, Interlocked.Increment(ref count));
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return endpoint;
    }

    /// <summary>One that answers every request with a text made of its last message.</summary>
    public static Task<FakeEndpoint> Echo() => Start((context, body, _) => Answer(context, "echo: " + LastMessage(body)));

    /// <summary>The model of a pool that this is.</summary>
    public PoolModel Model(string name = "fake", EndpointOptions? options = null) => new(name, (options ?? new EndpointOptions()) with { BaseUrl = BaseUrl });

    /// <summary>A proper answer.</summary>
    public static Task Answer(HttpContext context, string text, int prompt = 10, int completion = 5, string finish = "stop") => context.Response.WriteAsJsonAsync(new
    {
        id = "chatcmpl-1",
        @object = "chat.completion",
        created = 1,
        model = "fake",
        choices = new[] { new { index = 0, message = new { role = "assistant", content = text }, finish_reason = finish } },
        usage = new { prompt_tokens = prompt, completion_tokens = completion, total_tokens = prompt + completion },
    });

    /// <summary>An error in OpenAI's form.</summary>
    public static Task Error(HttpContext context, int status, string message, string? code = null)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new { error = new { message, code } });
    }

    public static string LastMessage(JsonElement body) => body.GetProperty("messages").EnumerateArray().Last().GetProperty("content").GetString()!;

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
