using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

/// <summary>bf16 weights with an fp32 master copy follow the fp32 run as far as eight bits of mantissa let them.</summary>
public class Bf16Tests
{
    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void Thirty_steps_stay_close_to_those_of_fp32(string stage)
    {
        var (exact, rounded) = (Losses(stage, ScalarType.Float32), Losses(stage, ScalarType.BFloat16));
        // It learns, and by more than the two may differ.
        Assert.True(exact[^1] < 0.8 * exact[0], $"{exact[0]} to {exact[^1]}");
        foreach (var (step, (a, b)) in exact.Zip(rounded).Index())
            Assert.True(Math.Abs(a - b) <= 0.02 * exact[0], $"step {step + 1}: {b}, in fp32 {a}");
    }

    private static double[] Losses(string stage, ScalarType dtype)
    {
        using var model = TinyTraining.Model(dtype);
        using var reference = TinyTraining.Model(dtype, trainable: false);
        return stage == "sft"
            ? Losses(model, new SftObjective(model, new()), TinyTraining.Sequences(8))
            : Losses(model, TinyTraining.Dpo(model, reference), TinyTraining.Pairs(8));
    }

    private static double[] Losses<T>(MistralForCausalLM model, IObjective<T> objective, List<T> rows)
    {
        using var trainer = new Trainer<T>(model, objective, new(rows, []), TinyTraining.Options(epochs: 30, batch: 4), TinyTraining.Output(Path.GetTempPath()), SilentObserver.Instance);
        return [.. Enumerable.Range(0, 30).Select(_ => trainer.TakeStep().Means["loss"])];
    }
}
