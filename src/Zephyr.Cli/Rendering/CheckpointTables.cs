using System.Globalization;
using Spectre.Console;
using Zephyr.Pipeline;
using static Zephyr.Cli.Rendering.PlainText;

namespace Zephyr.Cli.Rendering;

/// <summary>Where a run stood.</summary>
internal static class CheckpointTables
{
    /// <summary>One checkpoint in full, or several as a line each; then what --resume would do.</summary>
    public static void Write(IAnsiConsole console, RunInspection run)
    {
        console.WriteLine(OneLine($"{run.Stage ?? "a run"}{(run.Model is { } model ? $" of {model}" : "")} in {run.Folder}{(run.IsFinished ? ", finished" : "")}"));
        if (run.Checkpoints is [var only]) WriteOne(console, only);
        else ResultTable.Write(console, ["checkpoint", ">step", ">epoch", ">tokens", ">bytes", "whole"], run.Checkpoints.Select(checkpoint => new[]
        {
            checkpoint.Path, Whole(checkpoint.Step), EpochOf(checkpoint), Whole(checkpoint.Tokens), Whole(checkpoint.Bytes), checkpoint.Problems.Count == 0 ? "yes" : "no",
        }));
        foreach (var checkpoint in run.Checkpoints)
            foreach (var problem in checkpoint.Problems) console.WriteLine(OneLine($"{checkpoint.Path}: {problem}"));
        console.WriteLine(OneLine(run.Resume));
    }

    private static void WriteOne(IAnsiConsole console, CheckpointInspection checkpoint)
    {
        ResultTable.Write(console, [checkpoint.Path, ">value"],
        [
            ["steps taken", checkpoint.TotalSteps is { } total ? $"{Whole(checkpoint.Step)} of {Whole(total)}" : Whole(checkpoint.Step)],
            ["epoch", EpochOf(checkpoint)],
            ["tokens seen", Whole(checkpoint.Tokens)],
            ["loss since the last logged step", checkpoint.Loss is { } loss ? Metric("loss", loss) : "-"],
            ["evaluation still due", checkpoint.EvaluationDue ? "yes" : "no"],
            ["parameters", Whole(checkpoint.Parameters)],
            ["bytes of all files", Whole(checkpoint.Bytes)],
            ["whole", checkpoint.Problems.Count == 0 ? "yes" : "no"],
        ]);
        ResultTable.Write(console, ["optimizer state", ">tensors", ">bytes"], checkpoint.Optimizer.Select(part => new[] { part.Kind, Whole(part.Tensors), Whole(part.Bytes) }));
        ResultTable.Write(console, ["a run that goes on must have", ">value"], checkpoint.Shape.Select(entry => new[] { entry.Key, entry.Value }));
    }

    private static string EpochOf(CheckpointInspection checkpoint) =>
        checkpoint.Epoch is { } epoch ? epoch.ToString("0.00", CultureInfo.InvariantCulture) : "-";
}
