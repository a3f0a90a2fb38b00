using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using Zephyr.Runtime;

namespace Zephyr.Data.Prepared;

/// <summary>
/// The tokenized rows of a stage in one file: training rows, held-out rows, where each begins, the lines noted while they were made, and a trailer with
/// the key of what they were made of and a SHA-256 of all before it. The same rows give the same bytes.
/// </summary>
/// <remarks>
/// It is read with positioned reads rather than mapped: pages of a map count as this process's memory for as long as they are there, and a file that somebody
/// cuts short under a map ends the process without a word.
/// </remarks>
internal sealed class PreparedFile<T> : IDisposable
{
    // Where the index and the notes begin, the numbers of rows, the width of ids (PreparedLayout); the key, the hash.
    private const int TrailerBytes = 5 * sizeof(long) + 2 * SHA256.HashSizeInBytes;

    private readonly FileStream _file;

    private PreparedFile(FileStream file, IRowFormat<T> format, ReadOnlySpan<byte> trailer, string[] notes)
    {
        (_file, Format, Notes) = (file, format, notes);
        IndexAt = BinaryPrimitives.ReadInt64LittleEndian(trailer);
        var train = (int)BinaryPrimitives.ReadInt64LittleEndian(trailer[16..]);
        Train = new(this, 0, train);
        Held = new(this, train, (int)BinaryPrimitives.ReadInt64LittleEndian(trailer[24..]));
        Narrow = BinaryPrimitives.ReadInt64LittleEndian(trailer[32..]) == sizeof(ushort);
    }

    /// <summary>The rows to train on.</summary>
    public PreparedRows<T> Train { get; }

    /// <summary>The rows held out.</summary>
    public PreparedRows<T> Held { get; }

    /// <summary>What was noted while they were made, in order.</summary>
    public IReadOnlyList<string> Notes { get; }

    internal IRowFormat<T> Format { get; }

    internal bool Narrow { get; }

    internal string Name => _file.Name;

    internal long IndexAt { get; }

    /// <summary>Writes rows as they come and keeps the file open to read them.</summary>
    /// <param name="file">An empty file to write and read; taken over by what is returned.</param>
    /// <param name="content">How rows are written, and what they are.</param>
    /// <param name="key">32 bytes that name what the rows depend on.</param>
    /// <exception cref="UserErrorException">There is no room left, or a row could not be made.</exception>
    public static PreparedFile<T> Write(FileStream file, PreparedContent<T> content, ReadOnlySpan<byte> key)
    {
        using var output = new HashedOutput(file);
        var rows = new RowWriter(content.Narrow);
        var starts = new List<long>();
        var train = Append(content.Train, content.Format, rows, output, starts);
        var held = Append(content.Held, content.Format, rows, output, starts);
        starts.Add(output.Length);

        Span<byte> trailer = stackalloc byte[TrailerBytes];
        BinaryPrimitives.WriteInt64LittleEndian(trailer, output.Length);
        foreach (var start in starts) output.Append(start);
        BinaryPrimitives.WriteInt64LittleEndian(trailer[8..], output.Length);
        var notes = content.Notes().ToArray();
        output.Append(JsonSerializer.SerializeToUtf8Bytes(notes));
        BinaryPrimitives.WriteInt64LittleEndian(trailer[16..], train);
        BinaryPrimitives.WriteInt64LittleEndian(trailer[24..], held);
        BinaryPrimitives.WriteInt64LittleEndian(trailer[32..], content.Narrow ? sizeof(ushort) : sizeof(int));
        key.CopyTo(trailer[40..]);
        output.Append(trailer[..^SHA256.HashSizeInBytes]);
        output.Finish();
        return new(file, content.Format, trailer, notes);
    }

    /// <summary>Opens a file whose every byte is as it was written.</summary>
    /// <param name="file">Taken over, and closed where it is none of ours.</param>
    /// <param name="format">How rows are read.</param>
    /// <param name="key">What it must have been made of.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <returns>Null for a file that is torn, altered, or of another content.</returns>
    public static PreparedFile<T>? Open(FileStream file, IRowFormat<T> format, ReadOnlySpan<byte> key, CancellationToken cancellation)
    {
        PreparedFile<T>? opened = null;
        try
        {
            if (file.Length < TrailerBytes) return null;
            var hash = FileHashes.Of(file, file.Length - SHA256.HashSizeInBytes, cancellation);
            Span<byte> trailer = stackalloc byte[TrailerBytes];
            RandomAccess.Read(file.SafeFileHandle, trailer, file.Length - TrailerBytes);
            if (!trailer[^SHA256.HashSizeInBytes..].SequenceEqual(hash) || !trailer[40..^SHA256.HashSizeInBytes].SequenceEqual(key)) return null;
            // The hash tells what a crash does, not what a hand does: what the trailer says is not taken on trust either.
            return PreparedLayout.Read(file, trailer, file.Length - TrailerBytes) is { } notes ? opened = new(file, format, trailer, notes) : null;
        }
        finally
        {
            if (opened is null) file.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>Fills a span from a place in the file.</summary>
    /// <exception cref="RunFailedException">The file is shorter than it was.</exception>
    internal void Read(Span<byte> bytes, long at)
    {
        while (bytes.Length > 0)
        {
            var read = RandomAccess.Read(_file.SafeFileHandle, bytes, at);
            if (read == 0) throw new RunFailedException($"{_file.Name}: was cut short while it was in use");
            bytes = bytes[read..];
            at += read;
        }
    }

    private static int Append(IEnumerable<T> rows, IRowFormat<T> format, RowWriter writer, HashedOutput output, List<long> starts)
    {
        var count = 0;
        foreach (var row in rows)
        {
            starts.Add(output.Length);
            writer.Clear();
            format.Write(row, writer);
            output.Append(writer.Written);
            count++;
        }
        return count;
    }
}
