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
        using var model = TinyTraining.Model();
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (var workspace = new LogitsWorkspace())
            for (var i = 0; i < 5; i++)
                using (NewDisposeScope())
                {
                    workspace.Logits(model, rand(10, TinyTraining.Shape.HiddenSize));
                    if (i > 0) continue;
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
