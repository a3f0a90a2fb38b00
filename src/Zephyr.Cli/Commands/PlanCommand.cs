using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Evaluation.Speed;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using static Zephyr.Configuration.Check;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr plan.</summary>
internal sealed partial record PlanOptions : IOptionGroup
{
    [ConfigKey("sft or dpo: whose keys they are; the keys themselves say it, where they are not shared by both")]
    public string? Stage { get; init; }

    [ConfigKey("YAML file with the keys of the stage")]
    public string? Config { get; init; }

    [ConfigKey("a shape that goes by a name (mistral7b, bench58m, tiny), in place of the model folder's")]
    public string? Size { get; init; }

    [ConfigKey("training rows, for the steps and the time, where the data is not there; 0 if that is not known")]
    public int Rows { get; init; }

    [ConfigKey("the device's memory, in place of what is found: 139GiB, 80GB")]
    public string? DeviceMemory { get; init; }

    [ConfigKey("the host's memory beside a GPU, in place of what is found, for optim_state_device: host; not asked about beside a GPU that is only described")]
    public string? HostMemory { get; init; }

    [ConfigKey("operations a second that the steps reach, for the time: 400TFLOPS; or measure, for this machine's own rate of matrix products")]
    public string? FlopsRate { get; init; }

    [ConfigKey("share of that rate that training steps reach; 0 for all of a given one, and 0.75 of a measured one")]
    public double FlopsShare { get; init; }

    [ConfigKey("one JSON document instead of tables")]
    public bool Json { get; init; }

    /// <summary>The given memory in bytes.</summary>
    public long? DeviceBytes => DeviceMemory is { } text ? BytesOf(text) : null;

    /// <summary>The given host memory in bytes.</summary>
    public long? HostBytes => HostMemory is { } text ? BytesOf(text) : null;

    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. Stage is null ? [] : OneOf("stage", Stage, "sft", "dpo"),
        .. AtLeast("rows", Rows, 0),
        .. Memory("device_memory", DeviceMemory),
        .. Memory("host_memory", HostMemory),
        .. FlopsRate is null or "measure" || RateOf(FlopsRate) > 0 ? [] : new[] { new ConfigProblem("flops_rate", $"must be measure, or a number with GFLOPS, TFLOPS or PFLOPS, such as 400TFLOPS (was {FlopsRate})") },
        .. InRange("flops_share", FlopsShare, 0, 1),
    ];

    /// <summary>The rate, as it was given; null where it was not, or is to be measured.</summary>
    public double? GivenRate => FlopsRate is null or "measure" ? null : RateOf(FlopsRate);

    private static IEnumerable<ConfigProblem> Memory(string key, string? given) =>
        given is null || BytesOf(given) > 0 ? [] : [new(key, $"must be a number with GiB or GB, such as 139GiB (was {given})")];

    private static long? BytesOf(string text)
    {
        var match = Amount().Match(text);
        if (!match.Success) return null;
        var bytes = Number(match) * Math.Pow(match.Groups[3].Success ? 1024 : 1000, match.Groups[2].Value switch { "M" => 2, "G" => 3, _ => 4 });
        return bytes is > 0 and < 1e18 ? (long)bytes : null;
    }

    private static double? RateOf(string text)
    {
        var match = Rate().Match(text);
        return match.Success ? Number(match) * Math.Pow(1000, match.Groups[2].Value switch { "G" => 3, "T" => 4, _ => 5 }) : null;
    }

    private static double Number(Match match) => double.Parse(match.Groups[1].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([MGT])(i)?B\z")]
    private static partial Regex Amount();

    [GeneratedRegex(@"^([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([GTP])FLOP(?:S|s|/s)\z")]
    private static partial Regex Rate();
}

/// <summary>zephyr plan: what a run takes, before anything is loaded.</summary>
internal static class PlanCommand
{
    private const double ShareOfMeasured = 0.75;

    private static readonly ConfigSchema Own = ConfigSchema.Of<PlanOptions>();

    public static Command Create(CliSession session)
    {
        var command = new SchemaCommand("plan", "What a run takes of its device's memory and of time, and what would make it fit; nothing is loaded. Exit code 2 where it does not fit.",
            "[sft|dpo] --config FILE [--KEY VALUE]... [--size NAME] [--device_memory 139GiB] [--host_memory 256GiB] [--flops_rate 400TFLOPS|measure] [--json]", Own)
        { Positional = "stage" }
            .Borrow(ConfigSchema.Of<SftConfig>(), ConfigSchema.Of<DpoConfig>());
        command.SetAction(parsed => Run(KeyOption.Collect(parsed, Own), KeyOption.CollectBeside(parsed, Own), ParseErrors.OfArguments(parsed), session));
        return command;
    }

    private static int Run(IReadOnlyList<ConfigOverride> own, IReadOnlyList<ConfigOverride> keys, IReadOnlyList<LocatedProblem> usage, CliSession session)
    {
        var options = ConfigReader.Read<PlanOptions>(null, own, usage).Value;
        var settings = new ForecastSettings(options.Size, options.Rows, options.DeviceBytes, options.HostBytes);
        switch (options.Stage ?? StageOfKeys.Find("plan", options.Config, keys))
        {
            case "aif":
                throw new UserErrorException("plan: these are keys of aif, which trains nothing; expected those of sft or dpo");
            case "dpo":
                var dpo = Read<DpoConfig>();
                return Write(StageForecast.OfDpo(dpo, settings, session.Cancellation), dpo.Model, dpo.Training.Tf32);
            default:
                var sft = Read<SftConfig>();
                return Write(StageForecast.OfSft(sft, settings, session.Cancellation), sft.Model, sft.Training.Tf32);
        }

        T Read<T>() where T : class, new() => ConfigReader.Read<T>(options.Config, [.. keys, .. Unneeded()]).Value;

        int Write(StageForecast forecast, ModelOptions model, bool tf32)
        {
            var rate = RateOf(options, forecast, model, tf32);
            if (options.Json) JsonResult.Write(session.Console.Output, ForecastTables.Document(forecast, rate));
            else ForecastTables.Write(session.Console.Results, forecast, rate);
            return forecast.Memory.Fits ? ExitCodes.Done : ExitCodes.BadInput;
        }

        // Nothing is written and, of a shape that goes by a name, nothing read: nobody has to say where.
        IEnumerable<ConfigOverride> Unneeded()
        {
            var given = StageOfKeys.Names(options.Config, keys);
            if (!given.Contains("output_dir")) yield return new("output_dir", "-");
            if (options.Size is null) yield break;
            if (!given.Contains("model_name_or_path")) yield return new("model_name_or_path", "-");
            if (!given.Contains("dataset") && !given.Contains("dataset_mixer")) yield return new("dataset", "-");
        }
    }

    /// <summary>The rate that the steps are taken to reach; a measurement is the one thing here that needs libtorch.</summary>
    private static FlopsRate? RateOf(PlanOptions options, StageForecast forecast, ModelOptions model, bool tf32)
    {
        if (options.GivenRate is { } given) return new(given, options.FlopsShare == 0 ? 1 : options.FlopsShare, Measured: false);
        if (options.FlopsRate is null) return null;
        NativeTorch.Load(model.CpuKernels);
        var setup = forecast.Setup;
        var dtype = setup.Bf16 ? TorchSharp.torch.ScalarType.BFloat16 : TorchSharp.torch.ScalarType.Float32;
        var device = ComputeDevice.Resolve(model.Device);
        ComputeDevice.AllowTf32(tf32, device);
        var measured = MatrixProductRate.Measure(setup.Model, (int)Math.Clamp(forecast.LargestTokens, 1, 2048), dtype, device, rounds: 2);
        return new(measured, options.FlopsShare == 0 ? ShareOfMeasured : options.FlopsShare, Measured: true);
    }
}

/// <summary>How fast a run computes.</summary>
/// <param name="PerSecond">Operations.</param>
/// <param name="Share">The share of it that steps reach.</param>
/// <param name="Measured">On this machine, now.</param>
internal sealed record FlopsRate(double PerSecond, double Share, bool Measured)
{
    /// <summary>How long so many operations take.</summary>
    public double Seconds(double operations) => operations / (PerSecond * Share);
}
