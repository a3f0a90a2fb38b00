using System.Security.Cryptography;
using Zephyr.Data.Batches;
using Zephyr.Data.Prepared;
using Zephyr.Data.Text;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Data.Prepared;

/// <summary>Rows on disk: what is read is what was written, or nothing is.</summary>
public sealed class PreparedFileTests : IDisposable
{
    private static readonly byte[] Key = SHA256.HashData("it"u8);
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1000, true)]
    [InlineData(65536, true)]
    [InlineData(1_000_000, false)]
    public void Sequences_come_back_as_they_were_in_any_order(int vocabulary, bool narrow)
    {
        List<TokenSequence> train = RandomRows.Sequences(300, vocabulary), held = RandomRows.Sequences(40, vocabulary, seed: 2);
        using (var written = Write("rows", new SequenceFormat(), train, held, narrow))
        {
            RandomRows.Equal(train, written.Train);
            RandomRows.Equal(held, written.Held);
        }
        using var read = Open("rows", new SequenceFormat(), Key)!;
        Assert.Equal((300, 40), (read.Train.Count, read.Held.Count));
        var order = new SeededRandom(3).Permutation(300);
        RandomRows.Equal(order.Select(i => train[i]), order.Select(i => read.Train[i]));
        RandomRows.Equal(held, read.Held);
        Assert.Equal(["first", "zweite Zeile, \"…\""], read.Notes);
        Assert.Throws<ArgumentOutOfRangeException>(() => read.Train[300]);
        Assert.Throws<ArgumentOutOfRangeException>(() => read.Held[-1]);
    }

    [Theory]
    [InlineData(1000, true)]
    [InlineData(100_000, false)]
    public void Pairs_come_back_as_they_were_and_name_the_files_of_now(int vocabulary, bool narrow)
    {
        List<TokenizedPair> train = RandomRows.Pairs(300, vocabulary), held = RandomRows.Pairs(40, vocabulary, seed: 2);
        Write("rows", new PairFormat(RandomRows.Files), train, held, narrow).Dispose();
        using (var read = Open("rows", new PairFormat(RandomRows.Files), Key)!)
        {
            RandomRows.Equal(train, read.Train);
            RandomRows.Equal(held, read.Held);
        }
        using var moved = Open("rows", new PairFormat(RandomRows.Files.Select(file => "new/" + file)), Key)!;
        RandomRows.Equal(train.Select(pair => pair with { Location = pair.Location with { File = "new/" + pair.Location.File } }), moved.Train);
    }

    [Fact]
    public void Many_threads_may_read_at_once()
    {
        var rows = RandomRows.Sequences(500, 1000);
        using var file = Write("rows", new SequenceFormat(), rows, [], narrow: true);
        Parallel.For(0, 4, _ => RandomRows.Equal(rows, file.Train));
    }

    [Fact]
    public void Nothing_is_a_row_too()
    {
        using var file = Write("rows", new SequenceFormat(), [], [], narrow: true);
        Assert.Empty(file.Train);
        Assert.Empty(file.Held);
    }

    [Fact]
    public void The_same_rows_are_the_same_bytes()
    {
        foreach (var name in new[] { "one", "other" }) Write(name, new SequenceFormat(), RandomRows.Sequences(50, 900), RandomRows.Sequences(5, 900), narrow: true).Dispose();
        Assert.Equal(File.ReadAllBytes(_folder.PathOf("one")), File.ReadAllBytes(_folder.PathOf("other")));
    }

    /// <summary>Whatever a crash or a hand has done to it.</summary>
    [Fact]
    public void A_file_that_is_torn_or_altered_anywhere_is_not_used()
    {
        Write("whole", new SequenceFormat(), RandomRows.Sequences(4, 900), RandomRows.Sequences(2, 900), narrow: true).Dispose();
        var whole = File.ReadAllBytes(_folder.PathOf("whole"));
        for (var i = 0; i < whole.Length; i++)
        {
            Assert.True(Is(whole[..i]) is null, $"cut to {i} bytes");
            whole[i] ^= 1;
            Assert.True(Is(whole) is null, $"changed at {i}");
            whole[i] ^= 1;
        }
        Assert.Null(Is([.. whole, 0]));
        Assert.Null(Open("whole", new SequenceFormat(), SHA256.HashData("something else"u8)));
        using var file = Is(whole);
        Assert.NotNull(file);
    }

    [Fact]
    public void A_file_that_is_cut_short_in_use_ends_in_a_sentence()
    {
        using var file = Write("rows", new SequenceFormat(), RandomRows.Sequences(4, 900), [], narrow: true);
        File.WriteAllBytes(_folder.PathOf("rows"), []);
        Assert.Equal($"{_folder.PathOf("rows")}: was cut short while it was in use", Assert.Throws<RunFailedException>(() => file.Train[2]).Message);
    }

    [Fact]
    public void A_full_disk_ends_in_a_sentence()
    {
        using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 0);
        var error = Assert.Throws<UserErrorException>(() => PreparedFile<TokenSequence>.Write(full, Content(new SequenceFormat(), RandomRows.Sequences(4, 900), [], narrow: true), Key));
        Assert.Matches("^/dev: the prepared rows could not be written there: No space left on device.*; make room, or name a folder on another disk with dataset_cache_dir \\(TMPDIR where it is none\\)$",
            error.Message);
    }

    /// <summary>Neither while they are written nor while they are read: what was handed over may go.</summary>
    [Fact]
    public void Rows_are_not_held_in_memory()
    {
        var seen = new Witness();
        using var rows = ScratchFile.Hold(new SequenceFormat(), narrow: true, seen.Of(RandomRows.Stream(2000, 900)));
        Assert.InRange(seen.Alive, 0, 3);
        var read = new Witness();
        Assert.Equal(2000, read.Of(rows).Count());
        Assert.InRange(read.Alive, 0, 3);
    }

    private PreparedFile<T> Write<T>(string name, IRowFormat<T> format, IEnumerable<T> train, IEnumerable<T> held, bool narrow) =>
        PreparedFile<T>.Write(new(_folder.PathOf(name), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, 0), Content(format, train, held, narrow), Key);

    private static PreparedContent<T> Content<T>(IRowFormat<T> format, IEnumerable<T> train, IEnumerable<T> held, bool narrow) =>
        new(format, narrow, train, held, () => ["first", "zweite Zeile, \"…\""]);

    private PreparedFile<T>? Open<T>(string name, IRowFormat<T> format, byte[] key) =>
        PreparedFile<T>.Open(new(_folder.PathOf(name), FileMode.Open, FileAccess.Read), format, key, TestContext.Current.CancellationToken);

    private PreparedFile<TokenSequence>? Is(byte[] content)
    {
        File.WriteAllBytes(_folder.PathOf("copy"), content);
        return Open("copy", new SequenceFormat(), Key);
    }
}
