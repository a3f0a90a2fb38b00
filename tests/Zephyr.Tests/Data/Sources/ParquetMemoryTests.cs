using Parquet;
using Parquet.Schema;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Sources;

/// <summary>Measures the whole process, so nothing else may run beside it.</summary>
[CollectionDefinition(nameof(ParquetMemoryTests), DisableParallelization = true)]
[Collection(nameof(ParquetMemoryTests))]
public sealed class ParquetMemoryTests : IDisposable
{
    private const int Groups = 24, RowsInGroup = 64, TextLength = 1 << 14;
    private static readonly DataField Text = new DataField<string>("text");

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The least of some readings: what else lives in the process, such as what earlier tests have left to end by itself, can only add to one.</summary>
    [Fact]
    public async Task One_row_group_is_held_however_many_there_are()
    {
        // A group is 1 MiB of bytes and 2 MiB of characters (measured: 4 MB in all); all of them would be 72 MiB.
        const long Bound = 6 << 20;
        var file = await WriteAsync();
        var least = long.MaxValue;
        for (var reading = 0; reading < 10 && least > Bound; reading++) least = Math.Min(least, MostHeld(file));
        Assert.InRange(least, 0, Bound);
    }

    /// <summary>The most that a reading of a file adds to what is held, looked at once a row group.</summary>
    private static long MostHeld(string file)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var (most, rows) = (0L, 0);
        foreach (var row in WholeRows.Read([file]))
        {
            Assert.Equal(TextLength, ((string)row["text"]!).Length);
            if (rows++ % RowsInGroup == 5) most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
        }
        Assert.Equal(Groups * RowsInGroup, rows);
        return most;
    }

    [Fact]
    public async Task Rows_are_handed_out_before_the_next_group_is_read()
    {
        var file = await WriteAsync();
        var bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        // The second group, but not the footer, is overwritten.
        bytes.AsSpan(bytes.Length / Groups * 3 / 2, 4096).Fill(0xFF);
        using var rows = WholeRows.Read([_folder.Write("damaged.parquet", bytes)]).GetEnumerator();
        for (var i = 0; i < RowsInGroup; i++) Assert.True(rows.MoveNext());
        Assert.Throws<UserErrorException>(() => Enumerable.Range(0, RowsInGroup).All(_ => rows.MoveNext()));
    }

    /// <summary>Random letters, so that no codec makes them small.</summary>
    private async Task<string> WriteAsync()
    {
        var file = _folder.PathOf("groups.parquet");
        var random = new Random(1);
        await using var stream = File.Create(file);
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(Text), stream, cancellationToken: TestContext.Current.CancellationToken);
        for (var i = 0; i < Groups; i++)
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(Text, Enumerable.Range(0, RowsInGroup).Select(_ => random.GetString("abcdefghijklmnop", TextLength)).ToArray(), null);
        }
        return file;
    }
}
