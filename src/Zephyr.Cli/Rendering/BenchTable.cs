using Zephyr.Cli.Commands;
using Zephyr.Evaluation.Speed;
using Zephyr.Runtime;

namespace Zephyr.Cli.Rendering;

/// <summary>What a benchmark came to.</summary>
/// <param name="Stage">sft or dpo.</param>
/// <param name="PairsPerSecond">0 for sft.</param>
/// <param name="Result">The figures.</param>
internal sealed record BenchOutcome(string Stage, double PairsPerSecond, BenchmarkResult Result)
{
    public string? PairLayout { get; init; }

    public string? Reference { get; init; }
}

/// <summary>A benchmark's figures as a table or as JSON.</summary>
internal static class BenchTable
{
    private const double Mebibyte = 1 << 20;

    public static void Write(CliConsole console, BenchOptions options, BenchmarkSettings settings, BenchOutcome outcome)
    {
        var (result, peak) = (outcome.Result, options.PeakRate(settings));
        var document = new
        {
            outcome.Stage,
            Size = options.Size ?? options.Model,
            Dtype = options.Bf16 ? "bf16" : "fp32",
            outcome.PairLayout,
            outcome.Reference,
            PairsPerS = Math.Round(outcome.PairsPerSecond, 3),
            TokensPerS = Math.Round(result.TokensPerSecond, 1),
            StepS = result.StepSeconds.Select(seconds => Math.Round(seconds, 6)),
            result.Loss,
            PeakMib = Math.Round(result.PeakBytes / Mebibyte),
            TensorPeakMib = Math.Round(result.TensorPeakBytes / Mebibyte),
            PlannedMib = Math.Round(result.Plan.Growth / Mebibyte),
            PlannedTotalMib = Math.Round(result.Plan.Total / Mebibyte),
            CountedMib = result.CountedPeakBytes is { } bytes ? Math.Round(bytes / Mebibyte) : (double?)null,
            PlannedCountedMib = Math.Round(result.Plan.Tensors / Mebibyte),
            MatmulGflops = Math.Round(result.MatrixProductsPerSecond / 1e9, 1),
            MatmulShare = Math.Round(result.MatrixProductShare, 3),
            Device = settings.Model.Device.ToString(),
            Gpu = BenchOptions.Gpu(settings),
            DevicePeakMib = result.DevicePeakBytes is { } onDevice ? Math.Round(onDevice / Mebibyte) : (double?)null,
            ModelTflops = Math.Round(result.ModelOperationsPerSecond / 1e12, 3),
            PeakTflops = peak / 1e12,
            Mfu = peak is { } rate ? Math.Round(result.ModelOperationsPerSecond / rate, 4) : (double?)null,
            ReferenceS = result.ReferenceSeconds is { } seconds ? Math.Round(seconds, 3) : (double?)null,
            Threads = TorchSharp.torch.get_num_threads(),
            Libtorch = NativeTorch.Load().Version,
        };
        if (options.Json)
        {
            JsonResult.Write(console.Output, document);
            return;
        }
        // A plan is of the device that trains.
        string[] planned = ["  as planned (zephyr plan)", $"{document.PlannedMib:0}"];
        List<string[]> rows =
        [
            ["tokens a second (real ones)", $"{document.TokensPerS:0.0}"],
            .. outcome.Stage == "dpo" ? [["pairs a second", $"{document.PairsPerS:0.000}"]] : Array.Empty<string[]>(),
            ["seconds of each step", string.Join(" ", document.StepS.Select(step => $"{step:0.000}"))],
            .. document.ReferenceS is { } before ? [["seconds for the reference, before the first step", $"{before:0.000}"]] : Array.Empty<string[]>(),
            ["loss of each step", string.Join(" ", document.Loss.Select(loss => $"{loss:0.000000}"))],
            ["peak memory, MiB", $"{document.PeakMib:0}"],
            ["  of it from the first model on", $"{document.TensorPeakMib:0}"],
            .. document.DevicePeakMib is null ? [planned] : Array.Empty<string[]>(),
            .. document.CountedMib is { } counted ? [["tensors at their most, counted, MiB", $"{counted:0}"], ["  as planned", $"{document.PlannedCountedMib:0}"]] : Array.Empty<string[]>(),
            .. document.DevicePeakMib is { } ofDevice ? [[$"peak memory of the {document.Gpu}, MiB", $"{ofDevice:0}"], planned] : Array.Empty<string[]>(),
            ["matrix products, GFLOP/s", $"{document.MatmulGflops:0.0}"],
            ["  share that the steps reach", $"{document.MatmulShare:0.000}"],
            ["the model's operations, TFLOP/s", $"{document.ModelTflops:0.000}"],
            .. document.Mfu is { } share ? [[$"  of {document.PeakTflops:0.#} TFLOP/s (MFU)", $"{share:0.000}"]] : Array.Empty<string[]>(),
        ];
        ResultTable.Write(console.Results, [$"{outcome.Stage} {document.Size} {document.Dtype}", ">value"], rows);
    }
}
