using Zephyr.Evaluation.Parity;
using static TorchSharp.torch;

namespace Zephyr.Tests.Evaluation.Parity;

/// <summary>On a machine without a GPU the CPU is compared with itself: that every operation runs, is repeatable, and that what is off is told.</summary>
public class DeviceOperationsTests
{
    [Fact]
    public void The_CPU_agrees_with_itself_in_every_operation()
    {
        var rows = DeviceOperations.Run(CPU).ToList();
        Assert.Equal(16, rows.Select(row => row.What).Distinct().Count());
        Assert.All(rows, row => Assert.Equal((0.0, true, null), (row.Difference, row.Holds, row.Problem)));
    }

    [Theory]
    [InlineData(1.0, 0.5f, true)]
    [InlineData(0.4, 0.5f, false)]
    [InlineData(1.0, float.NaN, false)]
    public void A_difference_is_held_against_its_bound(double bound, float off, bool holds)
    {
        var calls = 0;
        var row = DeviceOperations.Compare("x", bound, _ => [tensor(new[] { 0f, 2f }), tensor(new[] { 1f, calls++ == 0 ? 1f + off : 1f })], CPU);
        Assert.Equal((holds, null), (row.Holds, row.Problem));
    }

    [Fact]
    public void What_a_device_cannot_do_is_told()
    {
        var row = DeviceOperations.Compare("x", 1, _ => throw new InvalidOperationException("not implemented for here"), CPU);
        Assert.Equal((false, "not implemented for here"), (row.Holds, row.Problem));
    }

    [Fact]
    public void Nothing_is_left_behind()
    {
        _ = DeviceOperations.Run(CPU).Count();
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        _ = DeviceOperations.Run(CPU).Count();
        Assert.Equal(before, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
