using System.ClientModel;
using System.ClientModel.Primitives;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Http.Resilience;
using OpenAI;
using OpenAI.Chat;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls.Endpoints;

/// <summary>
/// The OpenAI client of one endpoint, on HTTP that retries, keeps to the endpoint's limits and looks at every answer; the client's own retries and time limits are off.
/// </summary>
internal static class EndpointClient
{
    /// <summary>The field that bounds an answer, where the entry does not name it: OpenAI's own newer models know only the new one, most others only the old.</summary>
    public static string MaxTokensFieldOf(EndpointOptions options) =>
        options.MaxTokensField ?? (new Uri(options.BaseUrl!).Host == "api.openai.com" ? "max_completion_tokens" : "max_tokens");

    /// <summary>The key, from the environment.</summary>
    /// <exception cref="UserErrorException">The variable is not set.</exception>
    public static string? KeyOf(PoolModel model)
    {
        if (model.Options.ApiKeyEnv is not { } name) return null;
        var key = Environment.GetEnvironmentVariable(name)?.Trim();
        if (string.IsNullOrEmpty(key)) throw new UserErrorException($"{model.Name}: api_key_env names {name}, which is not set, expected an environment variable that holds the key");
        // A header takes nothing else, and its own complaint would quote the key.
        return key.All(letter => letter is > ' ' and < '\x7f') ? key : throw new UserErrorException($"{model.Name}: the environment variable {name} holds more than a key: white space or letters that no key has");
    }

    /// <summary>Makes the client.</summary>
    /// <param name="model">Where it answers.</param>
    /// <param name="key">The key; null for none.</param>
    /// <param name="texts">Words for what goes wrong.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="clock">Waits.</param>
    public static IChatClient Create(PoolModel model, string? key, FailureTexts texts, long seed, TimeProvider clock)
    {
        var options = model.Options;
        HttpMessageHandler handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            MaxConnectionsPerServer = options.MaxConcurrency,
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            ConnectTimeout = TimeSpan.FromSeconds(30),
        };
        handler = new AttemptHandler(texts, key is not null, clock) { InnerHandler = handler };
        handler = new ResilienceHandler(RetryRules.Timeout(options, clock)) { InnerHandler = handler };
        handler = new RateHandler(new(options.RequestsPerMinute, options.TokensPerMinute, clock)) { InnerHandler = handler };
        handler = new ResilienceHandler(RetryRules.Retry(options, seed, clock)) { InnerHandler = handler };
        var http = new HttpClient(handler) { Timeout = System.Threading.Timeout.InfiniteTimeSpan };
        return new ChatClient(options.Model ?? model.Name, new ApiKeyCredential(key ?? "none"), new OpenAIClientOptions
        {
            Endpoint = new Uri(options.BaseUrl!),
            Transport = new HttpClientPipelineTransport(http),
            RetryPolicy = new ClientRetryPolicy(0),
            NetworkTimeout = System.Threading.Timeout.InfiniteTimeSpan,
        }).AsIChatClient();
    }
}
