using System.Security.Cryptography;
using Zephyr.Data.Batches;
using Zephyr.Data.Prepared;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Data.Prepared;

/// <summary>The folder that keeps prepared rows: how they come, who may see them, and which go.</summary>
public sealed class PreparedFolderTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Clock _clock = new();

    public void Dispose() => _folder.Dispose();

    private string Root => _folder.PathOf("cache");

    private PreparedFolder Folder => new(Root, _clock);

    [Fact]
    public void What_is_kept_is_found_and_is_its_owners_alone()
    {
        Assert.Equal(default, Find("a"));
        Keep("a");
        Assert.NotNull(Find("a").File);
        Assert.Null(Find("b").File);
        var file = Assert.Single(Directory.GetFiles(Root));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Root));

        File.WriteAllText(file, "not rows");
        Assert.Equal(new(null, Damaged: true), Find("a"));
        // A folder of that name can hold none.
        File.Delete(file);
        Directory.CreateDirectory(file);
        Assert.Null(Find("a").File);
    }

    [Fact]
    public void Nothing_is_seen_of_a_file_before_it_is_whole_and_nothing_stays_of_one_that_is_given_up()
    {
        var folder = Folder;
        using var begun = folder.Begin(KeyOf("a"));
        Assert.Equal(default, Find("a"));
        folder.Forget(begun);
        Assert.False(Path.Exists(Root));
    }

    [Fact]
    public void What_was_not_used_for_longest_goes_first_and_the_newest_stays()
    {
        foreach (var name in new[] { "a", "b", "c", "d" })
        {
            Keep(name);
            // Written now, by the machine's clock; used then, by the test's.
            _clock.Now += TimeSpan.FromMinutes(1);
            Folder.Touch(KeyOf(name));
        }
        _clock.Now += TimeSpan.FromMinutes(1);
        Folder.Touch(KeyOf("a"));
        var size = new FileInfo(Folder.PathOf(KeyOf("a"))).Length;
        Keep("e", mostBytes: 3 * size);
        Assert.Equal("ade", Kept());
        Keep("f", mostBytes: 1);
        Assert.Equal("f", Kept());
    }

    [Fact]
    public void A_file_that_was_removed_while_in_use_is_read_to_its_end()
    {
        Keep("a");
        using var rows = Find("a").File!;
        Keep("b", mostBytes: 1);
        Assert.Equal("b", Kept());
        RandomRows.Equal(RandomRows.Sequences(20, 900), rows.Train);
    }

    [Fact]
    public void What_a_killed_run_left_goes_after_a_day_and_what_another_one_writes_does_not()
    {
        Keep("a");
        var (left, fresh) = (Folder.PathOf(KeyOf("x")) + ".1.2.tmp", Folder.PathOf(KeyOf("y")) + ".3.4.tmp");
        foreach (var file in new[] { left, fresh, Path.Combine(Root, "somebody's.tmp") }) File.WriteAllText(file, "half");
        File.SetLastWriteTimeUtc(left, _clock.Now.UtcDateTime - TimeSpan.FromHours(25));
        File.SetLastWriteTimeUtc(fresh, _clock.Now.UtcDateTime - TimeSpan.FromHours(1));
        Keep("b");
        Assert.Equal((false, true, true), (File.Exists(left), File.Exists(fresh), File.Exists(Path.Combine(Root, "somebody's.tmp"))));
    }

    [Fact]
    public void Several_may_make_the_same_at_once() =>
        Parallel.For(0, 8, _ =>
        {
            using var found = Find("a").File;
            if (found is not null) RandomRows.Equal(RandomRows.Sequences(20, 900), found.Train);
            using var mine = Keep("a");
            RandomRows.Equal(RandomRows.Sequences(20, 900), mine.Train);
        });

    private static byte[] KeyOf(string name) => SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(name));

    private PreparedFile<TokenSequence> Keep(string name, long mostBytes = PreparedFolder.MostBytes)
    {
        var folder = Folder;
        var file = folder.Begin(KeyOf(name));
        var rows = PreparedFile<TokenSequence>.Write(file, new(new SequenceFormat(), true, RandomRows.Sequences(20, 900), [], () => []), KeyOf(name));
        folder.Keep(file, KeyOf(name), mostBytes);
        return rows;
    }

    private FoundRows<TokenSequence> Find(string name) => Folder.Find(KeyOf(name), new SequenceFormat(), TestContext.Current.CancellationToken);

    private string Kept() => string.Concat("abcdef".Where(name => File.Exists(Folder.PathOf(KeyOf($"{name}")))));

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
