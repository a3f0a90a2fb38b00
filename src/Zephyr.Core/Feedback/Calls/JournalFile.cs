using System.Text;
using Microsoft.Win32.SafeHandles;
using Zephyr.Data.Sources;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>The bytes of a journal: JSON Lines behind a first line that says what the file is. What a killed run left half written at its end is cut off.</summary>
internal static class JournalFile
{
    private const string Header = """{"journal":"zephyr calls","version":1}""";

    /// <summary>Opens or makes a journal and goes through its lines.</summary>
    /// <param name="path">The file.</param>
    /// <param name="found">Told of every line that counts: where it stands, its bytes without the line feed, and what it says.</param>
    /// <exception cref="UserErrorException">The file is no journal, or a line in the middle of it is damaged.</exception>
    /// <exception cref="IOException">It cannot be read or made.</exception>
    public static SafeFileHandle Open(string path, Action<long, int, JournalRecord> found)
    {
        var length = File.Exists(path) ? Scan(path, found) : 0;
        var handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            RandomAccess.SetLength(handle, length);
            if (length == 0) RandomAccess.Write(handle, Encoding.UTF8.GetBytes(Header + "\n"), 0);
            RandomAccess.FlushToDisk(handle);
            DiskFlush.OfFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Goes through the lines of a journal and changes nothing.</summary>
    /// <returns>The bytes that count: up to the end of the last whole line.</returns>
    /// <exception cref="UserErrorException">The file is no journal, or a line in the middle of it is damaged.</exception>
    public static long Scan(string path, Action<long, int, JournalRecord> found)
    {
        using var stream = UserFile.Open(path, "journal of calls");
        var (fileBytes, at, number, whole, broken) = (stream.Length, 0L, 0L, 0L, 0L);
        foreach (var read in Utf8Lines.Read(stream, LineFile.MaxLineBytes))
        {
            number++;
            var line = read ?? throw Damaged(path, number);
            var end = at + line.Length + 1;
            if (number == 1)
            {
                // A run that was killed over its first line has asked nothing yet.
                if (end > fileBytes && Encoding.UTF8.GetBytes(Header).AsSpan().StartsWith(line.Span)) return 0;
                if (!line.Span.SequenceEqual(Encoding.UTF8.GetBytes(Header)))
                    throw new UserErrorException($"{path}: found a file that is no journal of calls, expected one that begins with {Header}, or none");
                whole = end;
            }
            // Without its line feed it never counted, whatever it says.
            else if (end > fileBytes || JournalRecord.Read(line) is not { } record)
            {
                broken = broken == 0 ? number : broken;
            }
            else
            {
                // Only the end of a file is torn by a crash: this is something else, and what stands there was paid for.
                if (broken > 0) throw Damaged(path, broken);
                found(at, line.Length, record);
                whole = end;
            }
            at = end;
        }
        return whole;
    }

    private static UserErrorException Damaged(string path, long line) =>
        new($"{path}, line {line}: found a damaged entry with whole ones behind it, expected a journal as it was written; without that line its call is made again");
}
