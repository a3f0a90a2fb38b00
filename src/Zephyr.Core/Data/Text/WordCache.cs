namespace Zephyr.Data.Text;

/// <summary>
/// The ids of words seen lately: a table of fixed size where a newer word takes the place of an older one. Entries are
/// immutable and published by one reference write, so any number of threads share it without a lock.
/// </summary>
internal sealed class WordCache
{
    /// <summary>Longer words are not kept: they are rare, and this bounds the memory to a few megabytes.</summary>
    public const int MaxWordLength = 32;

    private const int Slots = 1 << 15;

    private readonly Entry?[] _entries = new Entry?[Slots];

    /// <summary>The ids of a word, or null.</summary>
    public int[]? Find(ReadOnlySpan<char> word, int slot)
    {
        var entry = Volatile.Read(ref _entries[slot]);
        return entry is not null && word.SequenceEqual(entry.Word) ? entry.Ids : null;
    }

    /// <summary>Keeps a word's ids.</summary>
    public void Keep(ReadOnlySpan<char> word, int slot, int[] ids) =>
        Volatile.Write(ref _entries[slot], new Entry(word.ToString(), ids));

    /// <summary>Where a word belongs (FNV-1a over its characters).</summary>
    public static int SlotOf(ReadOnlySpan<char> word)
    {
        var hash = 2166136261u;
        foreach (var character in word) hash = (hash ^ character) * 16777619u;
        return (int)((hash ^ hash >> 15) & (Slots - 1));
    }

    private sealed record Entry(string Word, int[] Ids);
}
