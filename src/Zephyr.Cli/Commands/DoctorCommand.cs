using System.CommandLine;
using System.Globalization;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Evaluation.Parity;
using Zephyr.Model;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr doctor.</summary>
internal sealed record DoctorOptions : IOptionGroup
{
    [ConfigKey("what a run would be told: auto, cpu, cuda or cuda:N; the self-tests run there too")]
    public string Device { get; init; } = "auto";

    [ConfigKey("folder of golden numbers (tests/Zephyr.Tests/Golden/model): compare the device's with those of transformers and TRL, in fp32 and bf16, and its operations with the CPU's")]
    public string? Golden { get; init; }

    [ConfigKey("one JSON document instead of tables")]
    public bool Json { get; init; }

    public IEnumerable<ConfigProblem> Validate() => ModelOptions.CheckDevice(Device);
}

/// <summary>zephyr doctor.</summary>
internal static class DoctorCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<DoctorOptions>(
        session, "doctor", "Checks this machine: libtorch, its self-tests, devices, memory.", "[--device NAME] [--golden DIR] [--json]", Run);

    private static int Run(DoctorOptions options, CliSession session)
    {
        List<Finding> report = [.. Doctor.Examine(options.Device)];
        var usable = !report.Any(finding => finding.IsProblem);
        var device = usable ? ComputeDevice.Resolve(options.Device) : null;
        if (device is not null) report.Add(Attention(device));
        // Where the machine is not usable, that is the answer.
        var golden = device is null ? null : options.Golden;
        List<ParityRow> parity = golden is null ? [] : [.. Compare(golden, device!, session.Cancellation)];
        List<OperationRow> operations = golden is null ? [] : [.. DeviceOperations.Run(device!).Until(session.Cancellation)];
        if (options.Json) WriteJson(session, report, operations, parity);
        else WriteTables(session, report, operations, parity);
        return usable && parity.All(row => row.Holds) && operations.All(row => row.Holds) ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static Finding Attention(Device device)
    {
        const string what = "flash attention";
        if (device.type != TorchSharp.DeviceType.CUDA) return new(what, "not on the CPU", "attention goes sequence by sequence");
        return FlashProbe.Problem(device, FlashProbe.MistralsHeadDim) is { } problem
            ? new(what, "not usable", $"{problem}; attention goes sequence by sequence")
            : new(what, "usable", "agrees with the per-sequence path, forward and back; taken with bf16: true");
    }

    private static IEnumerable<ParityRow> Compare(string folder, Device device, CancellationToken cancellation)
    {
        // On a GPU bf16 goes both ways of attention.
        var bf16 = device.type == TorchSharp.DeviceType.CUDA && FlashProbe.Problem(device, FlashProbe.MistralsHeadDim) is null ? (string[])[AttentionChoice.Flash, AttentionChoice.Sdpa] : [AttentionChoice.Sdpa];
        ComputeDevice.AllowTf32(false, device);
        return GoldenParity.Run(folder, device, bf16: false, AttentionChoice.Sdpa).Concat(bf16.SelectMany(way => GoldenParity.Run(folder, device, bf16: true, way))).Until(cancellation);
    }

    private static void WriteTables(CliSession session, List<Finding> report, List<OperationRow> operations, List<ParityRow> parity)
    {
        ResultTable.Write(session.Console.Results, ["what", "found", "remark"], report.Select(finding => new[] { finding.What, finding.Found, finding.Remark }));
        if (parity.Count == 0) return;
        ResultTable.Write(session.Console.Results, ["beside the CPU", ">differs by", ">at most", ""],
            operations.Select(row => new[] { row.What, Number(row.Difference), Number(row.Bound), Verdict(row.Holds, row.Problem) }));
        ResultTable.Write(session.Console.Results, ["beside transformers and TRL", "window", "", "attention", ">differs by", ">at most", ""], parity.Select(row => new[]
        {
            row.What, row.Window == "sw8" ? "8" : "none", row.Dtype, row.Attention, Number(row.Difference), Number(row.Bound), Verdict(row.Holds, row.Problem),
        }));
    }

    private static void WriteJson(CliSession session, List<Finding> report, List<OperationRow> operations, List<ParityRow> parity)
    {
        NativeTorchInfo? native = null;
        try
        {
            native = NativeTorch.Load();
        }
        catch (UserErrorException)
        {
            // Among the findings.
        }
        JsonResult.Write(session.Console.Output, new
        {
            Findings = report,
            Libtorch = native is null ? null : new { native.Version, native.Folder, native.Origin, Cuda = native.Cuda?.ToString(), native.HasCuda, native.IsSupported, Lacks = native.Lacks.Count },
            Driver = new { CudaDriver.Version, Serves = CudaDriver.Serves?.ToString(), CudaDriver.Problem },
            Devices = CudaDriver.Devices.Select(device => new
            {
                device.Index,
                device.Name,
                Capability = device.Capability.ToString(),
                device.TotalBytes,
                FreeBytes = CudaDriver.Memory(device.Index)?.Free,
                device.Multiprocessors,
            }),
            Operations = operations,
            Golden = parity,
        });
    }

    private static string Verdict(bool holds, string? problem) => holds ? "" : problem is null ? "FAILED" : $"FAILED: {problem}";

    private static string Number(double value) => value.ToString("0.0E+0", CultureInfo.InvariantCulture);
}
