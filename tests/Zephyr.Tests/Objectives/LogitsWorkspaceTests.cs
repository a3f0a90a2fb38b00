using Zephyr.Objectives;
using Zephyr.Tests.Golden;
using Zephyr.Tests.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Objectives;

public class LogitsWorkspaceTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void Logits_are_the_models_whatever_stood_there_before(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var model = TinyTraining.Model(dtype);
        using var workspace = new LogitsWorkspace();
        foreach (var rows in (int[])[3, 50, 7, 200])
        {
            var hidden = (rand(rows, TinyTraining.Shape.HiddenSize) - 0.5).to_type(dtype);
            var logits = workspace.Logits(model, hidden);
            Assert.Equal(ScalarType.Float32, logits.dtype);
            Near.Equal(model.Logits(hidden), logits, 1e-6, $"{rows} rows");
            logits.fill_(float.NaN);
        }
    }

    [Fact]
    public void It_is_made_once_and_freed_at_the_end()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var model = TinyTraining.Model();
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope())
        using (var workspace = new LogitsWorkspace())
        {
            // A view of the one buffer: what a later call makes there is seen in it.
            var first = workspace.Logits(model, rand(10, TinyTraining.Shape.HiddenSize));
            var later = workspace.Logits(model, rand(10, TinyTraining.Shape.HiddenSize));
            Assert.True(first.equal(later).all().item<bool>());
            workspace.Logits(model, rand(4, TinyTraining.Shape.HiddenSize)).fill_(7);
            Assert.Equal(7, first[3, 0].item<float>());
            Assert.NotEqual(7, first[4, 0].item<float>());
        }
        Assert.Equal(before, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Theory]
    [InlineData(32000, 1048)]
    [InlineData(64, 524288)]
    [InlineData(256_000_000, 1)]
    public void Rows_come_of_a_budget_in_bytes(int vocabulary, int rows)
    {
        using var workspace = new LogitsWorkspace();
        Assert.Equal(rows, workspace.RowsOf(vocabulary));
    }
}
