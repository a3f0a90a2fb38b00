using CsCheck;
using Zephyr.Model.Generation;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Generation;

public class KeyValueArenaTests
{
    /// <summary>Negative: gives that one back; else takes so many.</summary>
    [Fact]
    public void Ranges_never_overlap_and_what_is_given_back_becomes_whole_again() => Gen.Int[-8, 400].Array[1, 60].Sample(moves =>
    {
        using var arena = new KeyValueArena(TinyModel.Config, 1000, ScalarType.Float32, CPU);
        List<RowRange> held = [];
        foreach (var move in moves)
        {
            if (move <= 0)
            {
                if (held.Count <= -move) continue;
                arena.GiveBack(held[-move]);
                held.RemoveAt(-move);
            }
            else if (arena.TryTake(move) is { } range)
            {
                Assert.True(range.Length >= move && range.Length < move + KeyValueArena.Block && range.Start % KeyValueArena.Block == 0);
                Assert.DoesNotContain(held, other => range.Start < other.Start + other.Length && other.Start < range.Start + range.Length);
                Assert.True(range.Start >= 0 && range.Start + range.Length <= arena.Rows);
                held.Add(range);
            }
        }
        foreach (var range in held) arena.GiveBack(range);
        Assert.Equal(new RowRange(0, 1024), arena.TryTake(1024));
        Assert.Null(arena.TryTake(1));
    }, iter: 200, threads: 1);
}
