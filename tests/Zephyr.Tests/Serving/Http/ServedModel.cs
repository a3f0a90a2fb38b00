using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Weights;
using Zephyr.Serving;
using Zephyr.Serving.Http;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Data.Text;
using static TorchSharp.torch;

namespace Zephyr.Tests.Serving.Http;

/// <summary>A server on loopback, with a model that is made in code, and a client of it.</summary>
internal sealed class ServedModel : IAsyncDisposable
{
    private readonly MistralForCausalLM _model;

    private ServedModel(MistralForCausalLM model, GenerationService service) => (_model, Service) = (model, service);

    public GenerationService Service { get; }

    public ChatServer Server { get; private set; } = null!;

    public HttpClient Client { get; } = new();

    public ConcurrentQueue<ServedRequest> Served { get; } = [];

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static ServerOptions Options { get; } = new("chain");

    /// <summary>Answers "abab..." as long as it may.</summary>
    public static Task<ServedModel> Endless(ServerOptions? options = null, ServiceLimits? limits = null, int positions = 20_000) =>
        Of(ChainModel.Create(positions, 3 + '\n', 3 + 'a', 3 + 'b', 3 + 'a'), TinyTokenizer.Create(), options, limits);

    /// <summary>Answers what the bytes of a text are, and ends its turn.</summary>
    public static Task<ServedModel> Saying(string text, ServerOptions? options = null) =>
        Of(ChainModel.Create(64, [3 + '\n', .. ChainModel.BytesOf(text), 2]), TinyTokenizer.Create(), options);

    public static Task<ServedModel> Stories(ServiceLimits? limits = null)
    {
        var folder = SharedFolder.PathOf("models/stories260k");
        return Of(ModelFolder.Load(folder, ScalarType.Float32, CPU, trainable: false), MistralTokenizer.Load(folder), new("stories"), limits);
    }

    public static async Task<ServedModel> Of(MistralForCausalLM model, MistralTokenizer tokenizer, ServerOptions? options = null, ServiceLimits? limits = null)
    {
        var served = new ServedModel(model, new(model, tokenizer, limits ?? new(new(), MaxQueue: 64)));
        served.Server = await ChatServer.Start(served.Service, options ?? Options, TimeProvider.System, served.Served.Enqueue);
        served.Client.BaseAddress = new(served.Server.Address + "/");
        return served;
    }

    public async Task<(int Status, JsonNode Body)> Post(string path, string body)
    {
        using var response = await Client.SendAsync(Request(path, body), Cancellation);
        return ((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancellation))!);
    }

    /// <summary>The text of the first choice.</summary>
    public async Task<string> Text(string path, string body)
    {
        var (status, answer) = await Post(path, body);
        Assert.True(status == 200, answer.ToJsonString());
        var choice = answer["choices"]![0]!;
        return (string)(choice["text"] ?? choice["message"]!["content"])!;
    }

    public async Task<string> ErrorOf(string path, string body, int status = 400)
    {
        var (found, answer) = await Post(path, body);
        Assert.True(found == status, $"{found} {answer.ToJsonString()}");
        return (string)answer["error"]!["message"]!;
    }

    /// <summary>The events of a streamed answer, the last one among them.</summary>
    public async Task<List<string>> Events(string path, string body)
    {
        using var response = await Client.SendAsync(Request(path, body), HttpCompletionOption.ResponseHeadersRead, Cancellation);
        Assert.Equal((200, "text/event-stream"), ((int)response.StatusCode, response.Content.Headers.ContentType?.MediaType));
        var text = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.EndsWith("\n\n", text, StringComparison.Ordinal);
        return [.. text[..^2].Split("\n\n").Select(line => line.StartsWith("data: ", StringComparison.Ordinal) ? line[6..] : throw new FormatException(line))];
    }

    public static HttpRequestMessage Request(string path, string body) => new(HttpMethod.Post, path)
    {
        Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
    };

    public async Task Idle()
    {
        while (Service.Open > 0) await Task.Delay(1, Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.Stop(TimeSpan.Zero);
        await Server.DisposeAsync();
        Service.Dispose();
        _model.Dispose();
    }
}
