using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Zephyr.Model.Generation;
using Zephyr.Runtime;

namespace Zephyr.Serving.Http;

/// <summary>From a request to its answer, or to the error that it gets.</summary>
internal sealed class RequestHandler
{
    /// <summary>A conversation is four levels deep.</summary>
    private const int DeepestJson = 32;

    private static readonly JsonDocumentOptions Json = new() { MaxDepth = DeepestJson, AllowDuplicateProperties = false };

    private readonly GenerationService _service;
    private readonly ServerOptions _options;
    private readonly bool _onLoopback;
    private readonly TimeProvider _clock;
    private readonly Action<ServedRequest> _served;
    private readonly RequestReader _reader;
    private readonly byte[]? _keyHash;
    private readonly ModelPages _pages;
    private readonly long _started;
    private long _answers;

    public RequestHandler(GenerationService service, ServerOptions options, bool onLoopback, TimeProvider clock, Action<ServedRequest> served)
    {
        (_service, _options, _onLoopback, _clock, _served) = (service, options, onLoopback, clock, served);
        _reader = new(service, options.ModelName, options.AddSystemTurn);
        _keyHash = options.ApiKey is { } key ? SHA256.HashData(Encoding.UTF8.GetBytes(key)) : null;
        _started = clock.GetUtcNow().ToUnixTimeSeconds();
        _pages = new(service, options.ModelName, _started);
    }

    public async Task Handle(HttpContext context)
    {
        var begun = _clock.GetTimestamp();
        var exchange = new Exchange();
        using var limit = new CancellationTokenSource(_options.RequestTimeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, context.RequestAborted);
        try
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            await Route(context, exchange, either.Token).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Every failure is an answer, and the server lives on.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            if (context.RequestAborted.IsCancellationRequested) exchange.Status = StatusCodes.Status499ClientClosedRequest;
            else await Tell(context, exchange, ErrorOf(failure), failure).ConfigureAwait(false);
        }
        _served(new(context.Request.Method, exchange.Path, exchange.Status ?? context.Response.StatusCode, exchange.Request?.PromptTokens ?? 0,
            exchange.Writer?.CompletionTokens ?? 0, _clock.GetElapsedTime(begun), exchange.Refusal, exchange.Failure));
    }

    private Task Route(HttpContext context, Exchange exchange, CancellationToken cancellation)
    {
        var (request, response) = (context.Request, context.Response);
        RequireHost(request);
        var path = request.Path.Value ?? "";
        if (path == "/health")
        {
            exchange.Path = path;
            RequireMethod(request, "GET");
            if (_service.IsStopping) throw new ServiceStoppedException();
            return AnswerWriter.WriteJson(response, 200, _pages.WriteHealth);
        }
        RequireKey(request);
        switch (path)
        {
            case "/v1/models":
                exchange.Path = path;
                RequireMethod(request, "GET");
                return AnswerWriter.WriteJson(response, 200, _pages.WriteModels);
            case "/v1/chat/completions":
                exchange.Path = path;
                RequireMethod(request, "POST");
                return Complete(context, exchange, ChatRequest.Read, cancellation);
            case "/v1/completions":
                exchange.Path = path;
                RequireMethod(request, "POST");
                return Complete(context, exchange, CompletionRequest.Read, cancellation);
            case var _ when path.StartsWith("/v1/models/", StringComparison.Ordinal):
                exchange.Path = "/v1/models/NAME";
                RequireMethod(request, "GET");
                if (path["/v1/models/".Length..] != _options.ModelName) throw _reader.UnknownModel();
                return AnswerWriter.WriteJson(response, 200, _pages.WriteModel);
            default:
                throw new ApiError(404, "Unknown request URL: there are /v1/chat/completions, /v1/completions, /v1/models and /health", code: "unknown_url");
        }
    }

    private async Task Complete(HttpContext context, Exchange exchange, Func<RequestReader, RequestFields, ApiRequest> read, CancellationToken cancellation)
    {
        if (_service.IsStopping) throw new ServiceStoppedException();
        using var body = await ReadBody(context.Request, cancellation).ConfigureAwait(false);
        var request = exchange.Request = Understand(body, read);
        var number = Interlocked.Increment(ref _answers);
        var created = _clock.GetUtcNow().ToUnixTimeSeconds();
        var writer = exchange.Writer = new(request, $"{request.Form.IdPrefix}{_started:x}{number:x8}", created, _options.ModelName);
        var parts = _service.Answer(request.Texts, cancellation).GetAsyncEnumerator(cancellation);
        await using (parts.ConfigureAwait(false)) await writer.Write(parts, context.Response).ConfigureAwait(false);
    }

    /// <summary>Only JSON: a web page can send other types to a server on the user's own machine without being asked whether it may.</summary>
    private static async Task<MemoryStream> ReadBody(HttpRequest request, CancellationToken cancellation)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || (type.Charset.HasValue && !type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase)))
            throw new ApiError(415, "Content-Type: expected application/json (in UTF-8)");
        if (request.Headers.ContentEncoding.Count > 0) throw new ApiError(415, "Content-Encoding: expected none");
        var body = new MemoryStream();
        await request.Body.CopyToAsync(body, cancellation).ConfigureAwait(false);
        body.Position = 0;
        return body;
    }

    private ApiRequest Understand(MemoryStream body, Func<RequestReader, RequestFields, ApiRequest> read)
    {
        try
        {
            using var json = JsonDocument.Parse(body, Json);
            return _reader.Read(json.RootElement, read);
        }
        catch (JsonException error)
        {
            var place = error.LineNumber is null ? "" : $": line {error.LineNumber + 1}, byte {error.BytePositionInLine}";
            throw new ApiError(400, $"the body is not JSON, or nested deeper than {DeepestJson} levels, or has a name twice{place}");
        }
        catch (InvalidOperationException)
        {
            // What JsonElement throws at a text that cannot be read.
            throw new ApiError(400, "the body holds a text that is not Unicode: half of a surrogate pair, or bytes that are not UTF-8");
        }
    }

    /// <summary>A page of another site whose name was made to lead here must not read the answers (DNS rebinding). With a key it could not ask.</summary>
    private void RequireHost(HttpRequest request)
    {
        if (_keyHash is not null || !_onLoopback || request.Host.Host is "localhost" or "") return;
        if (!IPAddress.TryParse(request.Host.Host.Trim('[', ']'), out var address) || !IPAddress.IsLoopback(address))
            throw new ApiError(403, "Host: expected localhost or a loopback address, as there is no API key", "permission_error");
    }

    private void RequireKey(HttpRequest request)
    {
        if (_keyHash is null) return;
        const string Scheme = "Bearer ";
        var given = request.Headers.Authorization is [{ } header] && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim() : "";
        // Hashes are as long whatever the keys are: how much of one was right cannot be told from the time that it takes.
        if (!CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), _keyHash))
            throw new ApiError(401, "Incorrect API key provided: expected Authorization: Bearer KEY", "authentication_error", code: "invalid_api_key");
    }

    private static void RequireMethod(HttpRequest request, string method)
    {
        if (request.Method != method) throw new ApiError(405, $"Not allowed to {(request.Method.Length <= 10 ? request.Method : "do that")} here: expected {method}") { Allow = method };
    }

    private ApiError ErrorOf(Exception failure) => failure switch
    {
        ApiError told => told,
        PromptTooLongException tooLong => new(400, tooLong.Message, code: "context_length_exceeded"),
        UserErrorException user => new(400, user.Message),
        QueueFullException full => new(429, full.Message, "rate_limit_error", code: "rate_limit_exceeded") { RetryAfter = 1 },
        ServiceStoppedException stopped => new(503, stopped.Message, ApiError.ServerError, code: "shutting_down"),
        RunFailedException failed => new(500, failed.Message, ApiError.ServerError),
        BadHttpRequestException { StatusCode: 413 } => new(413, $"the body is larger than {_options.MaxBodyBytes} bytes"),
        BadHttpRequestException { StatusCode: 408 } => new(408, "the body came too slowly"),
        BadHttpRequestException bad => new(bad.StatusCode, "the request is not HTTP as it should be"),
        OperationCanceledException => new(504, $"the answer took longer than {_options.RequestTimeout.TotalSeconds} seconds", ApiError.ServerError, code: "timeout"),
        _ => new(500, "internal error", ApiError.ServerError),
    };

    private static async Task Tell(HttpContext context, Exchange exchange, ApiError error, Exception failure)
    {
        exchange.Refusal = error.Message;
        if (error.Status >= 500 && failure is not (ServiceStoppedException or OperationCanceledException)) exchange.Failure = failure;
        try
        {
            var response = context.Response;
            if (response.HasStarted)
            {
                exchange.Status = error.Status;
                await AnswerWriter.WriteErrorEvent(response, error).ConfigureAwait(false);
                return;
            }
            if (error.RetryAfter is { } seconds) response.Headers.RetryAfter = $"{seconds}";
            if (error.Allow is { } method) response.Headers.Allow = method;
            if (error.Status == 401) response.Headers.WWWAuthenticate = "Bearer";
            await AnswerWriter.WriteJson(response, error.Status, error.Write).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException or BadHttpRequestException)
        {
            exchange.Status = StatusCodes.Status499ClientClosedRequest;
        }
    }

    /// <summary>What is known of a request as it goes on, for the log.</summary>
    private sealed class Exchange
    {
        public string Path { get; set; } = "(other)";

        public int? Status { get; set; }

        public ApiRequest? Request { get; set; }

        public AnswerWriter? Writer { get; set; }

        public string? Refusal { get; set; }

        public Exception? Failure { get; set; }
    }
}
