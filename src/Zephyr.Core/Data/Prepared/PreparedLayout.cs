using System.Buffers.Binary;
using System.Text.Json;

namespace Zephyr.Data.Prepared;

/// <summary>What the trailer of prepared rows says of the file, held against the file.</summary>
internal static class PreparedLayout
{
    private const int LongestNotes = 1 << 24;

    /// <summary>Checks that rows, index and notes follow each other, and that every row ends where the next one begins.</summary>
    /// <param name="file">The file.</param>
    /// <param name="trailer">Where the index and the notes begin, the numbers of rows to train on and held out, the width of ids: 8 bytes each.</param>
    /// <param name="end">Where the notes end.</param>
    /// <returns>The notes; null for a file that is not as it says.</returns>
    public static string[]? Read(FileStream file, ReadOnlySpan<byte> trailer, long end)
    {
        var (indexAt, notesAt) = (Number(trailer, 0), Number(trailer, 1));
        var (train, held, width) = (Number(trailer, 2), Number(trailer, 3), Number(trailer, 4));
        if (train is < 0 or > int.MaxValue || held < 0 || held > int.MaxValue - train || width is not (sizeof(ushort) or sizeof(int))) return null;
        if (indexAt < 0 || notesAt != indexAt + (train + held + 1) * sizeof(long) || notesAt > end || end - notesAt > LongestNotes) return null;
        return RowsFollow(file, indexAt, train + held) ? Notes(file, notesAt, (int)(end - notesAt)) : null;
    }

    private static bool RowsFollow(FileStream file, long indexAt, long rows)
    {
        var portion = new byte[1 << 16];
        var last = 0L;
        for (long row = 0; row <= rows; row += portion.Length / sizeof(long))
        {
            var starts = portion.AsSpan(0, (int)Math.Min(portion.Length, (rows + 1 - row) * sizeof(long)));
            if (!Fill(file, starts, indexAt + row * sizeof(long))) return false;
            for (; starts.Length > 0; starts = starts[sizeof(long)..])
            {
                var start = BinaryPrimitives.ReadInt64LittleEndian(starts);
                if (start < last || start > indexAt || start - last > int.MaxValue / 2) return false;
                last = start;
            }
        }
        return last == indexAt;
    }

    private static string[]? Notes(FileStream file, long at, int count)
    {
        var bytes = new byte[count];
        if (!Fill(file, bytes, at)) return null;
        try
        {
            return JsonSerializer.Deserialize<string?[]>(bytes)?.OfType<string>().ToArray();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool Fill(FileStream file, Span<byte> bytes, long at)
    {
        while (bytes.Length > 0)
        {
            var read = RandomAccess.Read(file.SafeFileHandle, bytes, at);
            if (read == 0) return false;
            bytes = bytes[read..];
            at += read;
        }
        return true;
    }

    private static long Number(ReadOnlySpan<byte> trailer, int place) => BinaryPrimitives.ReadInt64LittleEndian(trailer[(place * sizeof(long))..]);
}
