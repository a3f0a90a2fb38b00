using System.Globalization;
using Spectre.Console;
using Zephyr.Cli.Commands;
using Zephyr.Pipeline;
using static Zephyr.Cli.Rendering.PlainText;

namespace Zephyr.Cli.Rendering;

/// <summary>A forecast as tables, or as one document.</summary>
internal static class ForecastTables
{
    public static void Write(IAnsiConsole console, StageForecast forecast, FlopsRate? rate)
    {
        var (memory, shape) = (forecast.Memory, forecast.Setup.Model);
        var learns = forecast.Setup.Adapter is null ? "" : $", beside which {Whole(forecast.Setup.Learned)} of an adapter learn";
        console.WriteLine($"{forecast.Stage} of {OneLine(forecast.Model)}: {Whole(shape.ParameterCount)} parameters{learns}, {(forecast.Setup.Bf16 ? "bfloat16" : "float32")}");
        if (forecast.Rows is { } rows)
            console.WriteLine($"{Several(rows.Train.Count, rows.Unit[..^1])} of {Whole(rows.Train.Tokens)} tokens, the longest sequence {Whole(rows.Train.Longest)}");
        foreach (var note in forecast.Notes) console.WriteLine(OneLine(note));
        console.WriteLine($"the largest micro-batch has {Whole(forecast.LargestTokens)} tokens");
        ResultTable.Write(console, ["memory at its highest", ">bytes", "what it is"],
            [.. memory.Plan.Terms.Select(term => new[] { term.Name, Bytes(term.Bytes), term.How }), ["in all", Bytes(memory.Plan.Total), ""],
                .. memory.Plan.OnHost > 0 ? [["beside it on the host", Bytes(memory.Plan.OnHost), memory.Room.HostBytes is { } host ? $"master weights and moments; the host has {Bytes(host)}" : "master weights and moments"]] : Array.Empty<string[]>()]);
        console.WriteLine(MemoryText.Verdict(memory));
        if (memory.Remedies.Count > 0)
            ResultTable.Write(console, ["with", ">comes to", "fits", "what it costs"], memory.Remedies.Concat(memory.Together is { } together ? [together] : [])
                .Select(remedy => new[] { remedy.Keys, Bytes(remedy.Total), remedy.Fits ? "yes" : "no", remedy.Effect }));
        WriteCost(console, forecast, rate);
    }

    public static object Document(StageForecast forecast, FlopsRate? rate) => new
    {
        forecast.Stage,
        forecast.Model,
        Parameters = forecast.Setup.Model.ParameterCount,
        RowsAreReal = forecast.Rows is not null,
        Rows = forecast.Rows is { } rows ? new { rows.Unit, rows.Train, rows.Held } : null,
        Steps = forecast.Steps?.Total,
        forecast.LargestTokens,
        Device = new { forecast.Memory.Room.Name, forecast.Memory.Room.Bytes, forecast.Memory.Room.Reserve },
        Memory = forecast.Memory.Plan.Terms.ToDictionary(term => term.Name.Replace(' ', '_'), term => term.Bytes),
        TotalBytes = forecast.Memory.Plan.Total,
        HostBytes = forecast.Memory.Plan.OnHost,
        HostRoom = forecast.Memory.Room.HostBytes,
        forecast.Memory.Fits,
        Advice = forecast.Memory.Fits ? null : forecast.Memory.Advice,
        forecast.Memory.Remedies,
        forecast.Memory.Together,
        Flop = new { forecast.Cost.Operations, forecast.Cost.Policy, forecast.Cost.Recomputed, forecast.Cost.Reference, forecast.Cost.Evaluations, Of = forecast.Steps is null ? "step" : "run" },
        FlopPerS = rate?.PerSecond,
        FlopShare = rate?.Share,
        Seconds = rate?.Seconds(forecast.Cost.Operations),
        forecast.Notes,
    };

    private static void WriteCost(IAnsiConsole console, StageForecast forecast, FlopsRate? rate)
    {
        var cost = forecast.Cost;
        string[] parts =
        [
            $"{MemoryText.Operations(cost.Policy)} of the policy forward and back",
            .. cost.Recomputed > 0 ? [$"{MemoryText.Operations(cost.Recomputed)} of layers that run again"] : Array.Empty<string>(),
            .. cost.Reference > 0 ? [$"{MemoryText.Operations(cost.Reference)} of the reference"] : Array.Empty<string>(),
            .. cost.Evaluations > 0 ? [$"{MemoryText.Operations(cost.Evaluations)} of evaluations"] : Array.Empty<string>(),
        ];
        console.WriteLine($"{(forecast.Steps is { } steps ? $"{Several(steps.Total, "step")} take" : "a step takes")} {MemoryText.Operations(cost.Operations)}: {string.Join(", ", parts)}");
        if (rate is null)
        {
            console.WriteLine("the time goes by the rate that the steps reach: --flops_rate 400TFLOPS, or --flops_rate measure");
            return;
        }
        var seconds = rate.Seconds(cost.Operations);
        var time = seconds < TimeSpan.MaxValue.TotalSeconds / 2 ? Duration(TimeSpan.FromSeconds(seconds)) : "longer than can be told";
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"at {MemoryText.Operations(rate.PerSecond)}/s{(rate.Measured ? ", measured now," : "")} and a share of {rate.Share:0.##} of it: {time}"));
    }
}
