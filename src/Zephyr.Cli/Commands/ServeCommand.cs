using System.CommandLine;
using System.Net;
using Serilog;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using Zephyr.Serving.Http;
using static Zephyr.Configuration.Check;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr serve.</summary>
internal sealed record ServeOptions : IOptionGroup
{
    [ConfigKey("model folder: config.json, *.safetensors, tokenizer.model; or an adapter folder", Required = true)]
    public string Model { get; init; } = "";

    [ConfigKey("with an adapter folder: the plain model under it, where not the one that its adapter_config.json names")]
    public string? Base { get; init; }

    [ConfigKey("how clients call the model; the folder's name when not given")]
    public string? ModelName { get; init; }

    [ConfigKey("IP address to listen at, or localhost; one that others can reach needs --api_key_env")]
    public string Host { get; init; } = "127.0.0.1";

    [ConfigKey("port to listen at; 0 for any that is free: the address is printed")]
    public int Port { get; init; } = 8000;

    [ConfigKey("environment variable with the key that clients must bring (Authorization: Bearer KEY)")]
    public string? ApiKeyEnv { get; init; }

    [ConfigKey("answers under way at a time, in one batch")]
    public int MaxConcurrent { get; init; } = 16;

    [ConfigKey("answers that wait besides; more requests get 429")]
    public int MaxQueue { get; init; } = 64;

    [ConfigKey("tokens whose keys and values are held at a time, over all answers; 0 for what 4 GiB hold, or less where a GPU has less")]
    public int MaxCacheTokens { get; init; }

    [ConfigKey("largest body of a request, in bytes")]
    public long MaxBodyBytes { get; init; } = 4 << 20;

    [ConfigKey("seconds from a request to the end of its answer, waiting included")]
    public double RequestTimeout { get; init; } = 600;

    [ConfigKey("seconds that answers under way may still take after Ctrl-C or SIGTERM")]
    public double ShutdownGrace { get; init; } = 10;

    [ConfigKey("insert an empty system turn where a conversation has none: what a model was trained with")]
    public bool AutoInsertEmptySystemMsg { get; init; }

    [ConfigKey("requests without a seed get one that is made of this and their number")]
    public long Seed { get; init; } = 42;

    [ConfigKey("no line for each request on stderr")]
    public bool Quiet { get; init; }

    public LoadOptions Loading { get; init; } = new();

    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. ApiKeyEnv is null && Host != "localhost" && IPAddress.TryParse(Host, out var address) && !IPAddress.IsLoopback(address)
            ? [new ConfigProblem("host", $"{Host} can be reached by others: give --api_key_env, or a loopback address such as 127.0.0.1")] : Array.Empty<ConfigProblem>(),
        .. InRange("port", Port, 0, 65535), .. InRange("max_concurrent", MaxConcurrent, 1, 1024), .. InRange("max_queue", MaxQueue, 0, 1_000_000),
        .. AtLeast("max_cache_tokens", MaxCacheTokens, 0), .. InRange("max_body_bytes", MaxBodyBytes, 1, 1L << 30),
        .. InRange("request_timeout", RequestTimeout, 0.001, 1e6), .. InRange("shutdown_grace", ShutdownGrace, 0, 1e6),
    ];
}

/// <summary>zephyr serve.</summary>
internal static class ServeCommand
{
    private const string Usage = "--model DIR [--base DIR] [--host 127.0.0.1] [--port N] [--api_key_env NAME] [--device NAME] [--load_in_4bit]";

    public static Command Create(CliSession session) => SchemaCommand.OfOptions<ServeOptions>(
        session, "serve", "A model behind OpenAI's HTTP interface, for any client.", Usage, Run);

    private static int Run(ServeOptions options, CliSession session)
    {
        var server = new ServerOptions(options.ModelName ?? NameOf(options.Model))
        {
            Host = options.Host,
            Port = options.Port,
            ApiKey = KeyOf(options.ApiKeyEnv),
            AddSystemTurn = options.AutoInsertEmptySystemMsg,
            MaxBodyBytes = options.MaxBodyBytes,
            RequestTimeout = TimeSpan.FromSeconds(options.RequestTimeout),
        };
        using var log = Logging.OnStream(session.Console.Error);
        using var model = LocalModel.Load(options.Model,
            new(new(options.MaxConcurrent, options.MaxCacheTokens), options.MaxQueue, options.Seed), options.Loading, options.Base);
        if (model.Note is { } note) log.Information("note: {Note:l}", PlainText.OneLine(note));
        return Serve(model, server, options, log, session).GetAwaiter().GetResult();
    }

    /// <summary>A signal is how a server ends: exit code 0, but 130 where an answer was cut off. A GPU that is lost ends it with 1, for whoever watches over it to start it again.</summary>
    private static async Task<int> Serve(LocalModel model, ServerOptions settings, ServeOptions options, ILogger log, CliSession session)
    {
        var server = await ChatServer.Start(model.Service, settings, TimeProvider.System, served => Log(served, options.Quiet, log));
        await using (server)
        {
            session.Console.Output.WriteLine(server.Address.ToString());
            session.Console.Output.Flush();
            log.Information("{Model:l} answers at {Address:l} ({Room} tokens a conversation, {Places} at a time)", settings.ModelName, server.Address.ToString(), model.Service.Room, options.MaxConcurrent);
            var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using (session.Cancellation.Register(() => ended.TrySetResult())) await Task.WhenAny(ended.Task, model.Service.DeviceLost);
            if (model.Service.DeviceLost is { IsCompleted: true } lost) throw new RunFailedException($"the GPU answers nothing any more: {TorchErrors.Reason(await lost)}; start it again");
            var open = model.Service.Open;
            log.Information("stopping; {Open} answers are under way and have {Grace} s", open, options.ShutdownGrace);
            var all = await server.Stop(TimeSpan.FromSeconds(options.ShutdownGrace));
            log.Information(all ? "stopped; all were answered" : "stopped; some were cut off");
            return all ? ExitCodes.Done : ExitCodes.Interrupted;
        }
    }

    private static void Log(ServedRequest served, bool quiet, ILogger log)
    {
        if (served.Failure is { } failure) log.Error(failure, "{Method} {Path} failed", served.Method, served.Path);
        if (!quiet)
            log.Information("{Method} {Path} {Status} {PromptTokens}+{CompletionTokens} tokens {Seconds:0.000} s{Refusal:l}",
                Short(served.Method), served.Path, served.Status, served.PromptTokens, served.CompletionTokens, served.Elapsed.TotalSeconds, served.Refusal is { } refusal ? $" {PlainText.OneLine(refusal)}" : "");
    }

    private static string Short(string method) => method.Length <= 10 ? method : method[..10];

    private static string NameOf(string folder) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));

    private static string? KeyOf(string? variable)
    {
        if (variable is null) return null;
        return Environment.GetEnvironmentVariable(variable) is { Length: > 0 } key ? key
            : throw new UserErrorException($"api_key_env: the environment variable {variable} is not set or empty, expected the key that clients must bring");
    }
}
