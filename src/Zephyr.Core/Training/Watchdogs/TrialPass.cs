using System.Diagnostics;
using System.Globalization;
using Zephyr.Model;
using Zephyr.Runtime;

namespace Zephyr.Training.Watchdogs;

/// <summary>
/// A pass forward and back before the first step, over the micro-batch that will take the most memory. What dropout draws in it depends on nothing and changes nothing, and the gradient is
/// forgotten, so the steps after it are those that would have been without it. A resumed run makes one too: device and recomputation may have changed.
/// </summary>
/// <param name="run">Runs micro-batches.</param>
/// <param name="parameters">Whose gradients are forgotten.</param>
/// <param name="names">Names rows.</param>
/// <param name="advice">Asked where memory runs out: what would take less.</param>
internal sealed class TrialPass(Func<IEnumerable<int[]>, StepSums> run, ParameterSet parameters, RowNames names, Func<string> advice)
{
    /// <summary>Makes the pass.</summary>
    /// <param name="microBatch">The rows.</param>
    /// <param name="skips">A step that is not finite will be skipped: then it is no reason to stop here.</param>
    /// <returns>What it took, as a sentence.</returns>
    public string Run(int[] microBatch, bool skips)
    {
        var watch = Stopwatch.StartNew();
        ProcessMemory.ForgetPeak();
        StepSums sums;
        try
        {
            sums = run([microBatch]);
        }
        catch (Exception error) when (TorchErrors.IsOutOfMemory(error))
        {
            throw new UserErrorException($"preflight: the largest micro-batch ahead, {microBatch.Length} rows ({names.Of(microBatch)}), does not fit into memory: {TorchErrors.Reason(error)}; {advice()}", error);
        }
        finally
        {
            parameters.ClearGradients();
        }
        var rows = $"{microBatch.Length} row{(microBatch.Length == 1 ? "" : "s")} of {sums.Tokens} tokens in all";
        if (!sums.IsFinite && !skips)
            throw new RunFailedException($"preflight: the loss of the largest micro-batch ahead, {rows} ({names.Of(microBatch)}), is {Number(sums.Loss)} and its gradient norm {Number(sums.GradientNorm)}, "
                + "expected finite numbers: weights or rows are broken, or the numbers of the run too large; nothing was trained");
        return string.Create(CultureInfo.InvariantCulture, $"preflight: the largest micro-batch ahead, {rows}, went forward and back in {watch.Elapsed.TotalSeconds:0.00} s "
            + $"with at most {MemoryInWords()}; its loss is {Number(sums.Loss)}, its gradient norm {Number(sums.GradientNorm)}");
    }

    /// <summary>What the pass took on the processor, or of the device: libtorch keeps what it has taken there.</summary>
    private string MemoryInWords()
    {
        var device = parameters.All.First().Value.device;
        return DeviceMemory.Of(device) is { } memory
            ? string.Create(CultureInfo.InvariantCulture, $"{(memory.Total - memory.Free) / Mebibyte:0} of {memory.Total / Mebibyte:0} MiB of {device}'s memory in use")
            : string.Create(CultureInfo.InvariantCulture, $"{ProcessMemory.Peak / Mebibyte:0} MiB of memory resident");
    }

    private const double Mebibyte = 1 << 20;

    private static string Number(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);
}
