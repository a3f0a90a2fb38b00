namespace Zephyr.Serving.Http;

/// <summary>Where a server listens and what it lets pass.</summary>
/// <param name="ModelName">How the model is called.</param>
public sealed record ServerOptions(string ModelName)
{
    /// <summary>An IP address or localhost.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>0 for any that is free.</summary>
    public int Port { get; init; }

    /// <summary>What requests must bring as a bearer token; null for nothing, on loopback only.</summary>
    public string? ApiKey { get; init; }

    /// <summary>An empty system turn goes in front of a conversation that has none.</summary>
    public bool AddSystemTurn { get; init; }

    /// <summary>The largest body of a request, in bytes.</summary>
    public long MaxBodyBytes { get; init; } = 4 << 20;

    /// <summary>From the request to the end of its answer, waiting included.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>A client has so long to send its header; its body may then come at no less than <see cref="MinBodyRate"/> after as long.</summary>
    public TimeSpan HeaderTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Bytes a second at which a body must come.</summary>
    public double MinBodyRate { get; init; } = 240;

    /// <summary>Connections at a time; more are closed at once.</summary>
    public int MaxConnections { get; init; } = 512;
}

/// <summary>A request that was answered, for the log: nothing of what was said.</summary>
/// <param name="Method">HTTP's method.</param>
/// <param name="Path">One of the known paths, or "(other)".</param>
/// <param name="Status">HTTP's status; 499 where the client went away.</param>
/// <param name="PromptTokens">Tokens read.</param>
/// <param name="CompletionTokens">Tokens written, also of an answer that was not finished.</param>
/// <param name="Elapsed">From the header to the end.</param>
/// <param name="Refusal">What an error said; null where there was none.</param>
/// <param name="Failure">What was thrown, where it was no refusal.</param>
public sealed record ServedRequest(
    string Method, string Path, int Status, int PromptTokens, int CompletionTokens, TimeSpan Elapsed, string? Refusal, Exception? Failure);
