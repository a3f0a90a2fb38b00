using System.Diagnostics;
using System.Globalization;
using Zephyr.Model;
using Zephyr.Runtime;

namespace Zephyr.Training.Watchdogs;

/// <summary>
/// A pass forward and back before the first step, over the micro-batch that will take the most memory. Nothing is drawn at random in it and the gradient is
/// forgotten, so the steps after it are those that would have been without it. A resumed run makes one too: device and recomputation may have changed.
/// </summary>
/// <param name="run">Runs micro-batches.</param>
/// <param name="parameters">Whose gradients are forgotten.</param>
/// <param name="names">Names rows.</param>
internal sealed class TrialPass(Func<IEnumerable<int[]>, StepSums> run, ParameterSet parameters, RowNames names)
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
        catch (Exception error) when (MemoryExhausted.Is(error))
        {
            throw new UserErrorException($"preflight: the largest micro-batch ahead, {microBatch.Length} rows ({names.Of(microBatch)}), does not fit into memory: {MemoryExhausted.Reason(error)}; "
                + "give a smaller per_device_train_batch_size or max_tokens_per_batch, or gradient_checkpointing: true", error);
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
            + $"with at most {ProcessMemory.Peak / (1024.0 * 1024.0):0} MiB of memory resident; its loss is {Number(sums.Loss)}, its gradient norm {Number(sums.GradientNorm)}");
    }

    private static string Number(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);
}
