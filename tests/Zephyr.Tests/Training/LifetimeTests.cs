using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Tests.Data.Sources;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

/// <summary>The collector does not see native memory: after fifty steps there are as many tensors alive as after five.</summary>
public sealed class LifetimeTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("sft", false, false)]
    [InlineData("sft", true, false)]
    [InlineData("sft", false, true)]
    [InlineData("dpo", false, false)]
    [InlineData("dpo", true, false)]
    [InlineData("dpo", false, true)]
    [InlineData("dpo", true, true)]
    [InlineData("sft", false, false, 24)]
    [InlineData("dpo", false, true, 48)]
    public void Steps_evaluations_and_checkpoints_leave_no_tensor_behind(string stage, bool recompute, bool bf16, int maxTokens = 0)
    {
        var dtype = bf16 ? ScalarType.BFloat16 : ScalarType.Float32;
        using var model = TinyTraining.Model(dtype);
        using var reference = TinyTraining.Model(dtype, trainable: false, seed: 2);
        if (stage == "sft") Count(model, new SftObjective(model, new(), recompute ? 1 : 0), TinyTraining.Sequences(4), maxTokens);
        else Count(model, TinyTraining.Dpo(model, reference, recompute: recompute), TinyTraining.Pairs(4), maxTokens);
    }

    [Fact]
    public void A_run_and_its_model_leave_nothing_behind()
    {
        var before = Alive;
        using (var model = TinyTraining.Model())
        using (var workspace = new LogitsWorkspace())
        using (var trainer = new Trainer<Zephyr.Data.Batches.TokenSequence>(model, new SftObjective(model, workspace), new(TinyTraining.Sequences(4), []),
            TinyTraining.Options(), TinyTraining.Output(_folder.Path), SilentObserver.Instance))
        {
            trainer.Run(TestContext.Current.CancellationToken);
        }
        Assert.Equal(before, Alive);
    }

    private void Count<T>(MistralForCausalLM model, IObjective<T> objective, List<T> rows, int maxTokens)
    {
        var options = TinyTraining.Options(epochs: 60);
        options = options with { Training = options.Training with { MaxTokensPerBatch = maxTokens } };
        using var trainer = new Trainer<T>(model, objective, new(rows, []), options, TinyTraining.Output(_folder.Path), SilentObserver.Instance);
        long Steps(int count)
        {
            for (var i = 0; i < count; i++) trainer.TakeStep();
            Evaluator.Run(objective, rows, 3, TestContext.Current.CancellationToken, maxTokens: maxTokens);
            trainer.WriteCheckpoint(_folder.Path);
            return Alive;
        }
        var afterFive = Steps(5);
        Assert.Equal(afterFive, Steps(45));
    }

    private static long Alive => TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
}
