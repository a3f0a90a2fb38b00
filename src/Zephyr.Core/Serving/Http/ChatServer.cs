using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Zephyr.Runtime;

namespace Zephyr.Serving.Http;

/// <summary>
/// A model behind OpenAI's HTTP interface: chat completions, completions, models, health. It reads no configuration of its own, writes no log and leaves the process's
/// signals alone. docs/serving.md says what it does with every field.
/// </summary>
public sealed class ChatServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly GenerationService _service;

    private ChatServer(WebApplication application, GenerationService service) => (_application, _service) = (application, service);

    /// <summary>What clients take for the base of their requests: http://127.0.0.1:8000/v1.</summary>
    public Uri Address { get; private set; } = new("http://localhost");

    /// <summary>Listens.</summary>
    /// <param name="service">The model; stays the caller's.</param>
    /// <param name="options">Where, and what passes.</param>
    /// <param name="clock">Times and time limits.</param>
    /// <param name="served">Is told of every request when it is over; from any thread.</param>
    /// <exception cref="UserErrorException">The address cannot be listened at, or others could reach it without a key.</exception>
    public static async Task<ChatServer> Start(GenerationService service, ServerOptions options, TimeProvider clock, Action<ServedRequest> served)
    {
        ArgumentNullException.ThrowIfNull(options);
        var address = AddressOf(options.Host);
        if (!IPAddress.IsLoopback(address) && options.ApiKey is null)
            throw new UserErrorException($"host: found {options.Host}, where others can reach it, expected an API key (api_key_env), or a loopback address such as 127.0.0.1");
        var builder = WebApplication.CreateEmptyBuilder(new() { EnvironmentName = Environments.Production });
        // Without this the host would answer Ctrl-C and SIGTERM by itself, beside the program.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Limit(kestrel, options, address));
        var server = new ChatServer(builder.Build(), service);
        server._application.Run(new RequestHandler(service, options, IPAddress.IsLoopback(address), clock, served).Handle);
        try
        {
            await server._application.StartAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw new UserErrorException($"port: {options.Port} at {options.Host} cannot be listened at ({error.GetBaseException().Message}); 0 takes any that is free", error);
        }
        var bound = server._application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        server.Address = new(new Uri(bound), "v1");
        return server;
    }

    /// <summary>Refuses new requests, lets those that are under way end, and gives up those that have not when <paramref name="grace"/> is over.</summary>
    /// <returns>Whether all ended by themselves.</returns>
    public async Task<bool> Stop(TimeSpan grace)
    {
        var all = await _service.Stop(grace).ConfigureAwait(false);
        // What is left is to be sent only.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        await _application.StopAsync(limit.Token).ConfigureAwait(false);
        return all;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private static IPAddress AddressOf(string host) => host == "localhost" ? IPAddress.Loopback
        : IPAddress.TryParse(host, out var address) ? address
        : throw new UserErrorException($"host: found {host}, expected an IP address (0.0.0.0 for all of the machine's) or localhost");

    private static void Limit(KestrelServerOptions kestrel, ServerOptions options, IPAddress address)
    {
        kestrel.Listen(address, options.Port, listen => listen.Protocols = HttpProtocols.Http1);
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
        kestrel.Limits.RequestHeadersTimeout = options.HeaderTimeout;
        kestrel.Limits.MinRequestBodyDataRate = new(options.MinBodyRate, options.HeaderTimeout);
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
