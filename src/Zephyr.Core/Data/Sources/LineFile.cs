using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.GZip;
using Zephyr.Runtime;
using ZstdSharp;

namespace Zephyr.Data.Sources;

/// <summary>
/// The lines of a file, decompressed as they are read where its name says so. .NET's own GZipStream takes a cut-off file for a whole
/// one unless a switch of the process forbids it; SharpZipLib's never does.
/// </summary>
internal static class LineFile
{
    /// <summary>
    /// 64 MiB, some 16 million tokens. It bounds the memory that a line takes, and so what a small file that unpacks to gigabytes can do.
    /// </summary>
    public const int MaxLineBytes = 64 << 20;

    /// <summary>The file's bytes as they were before any compression.</summary>
    /// <exception cref="UserErrorException">It cannot be opened.</exception>
    public static Stream Open(string file)
    {
        var stream = UserFile.Open(file, "data file");
        return DataFileName.CompressionOf(file) switch
        {
            DataFileName.Gzip => new UnpackedStream(new GZipInputStream(stream), stream),
            DataFileName.Zstandard => new UnpackedStream(new DecompressionStream(stream, leaveOpen: false), stream),
            _ => stream,
        };
    }

    /// <summary>Its lines, blank ones too, as <see cref="Utf8Lines.Read"/> gives them.</summary>
    /// <exception cref="UserErrorException">It cannot be opened, or its compressed stream is damaged or cut off.</exception>
    public static IEnumerable<ReadOnlyMemory<byte>?> Read(string file, int maxLineBytes = MaxLineBytes)
    {
        using var stream = Open(file);
        using var lines = Utf8Lines.Read(stream, maxLineBytes).GetEnumerator();
        while (Guard(file, lines.MoveNext)) yield return lines.Current;
    }

    /// <summary>Reads from a stream of <see cref="Open"/>; what is wrong with its compression is said in one sentence.</summary>
    /// <exception cref="UserErrorException">The compressed stream is damaged or cut off.</exception>
    public static T Guard<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidDataException error) when (error.Message.Contains("unpack to more than", StringComparison.Ordinal))
        {
            throw new UserErrorException($"{file}: found a file that grows without bound ({error.Message}), expected rows of text", error);
        }
        catch (Exception error) when (IsDamage(error))
        {
            throw DataFileName.CompressionOf(file) is { } end
                ? new UserErrorException($"{file}, line {LineOfDamage(file)}: the compressed stream is damaged or cut off there "
                    + $"({error.Message.TrimEnd('.')}), expected a whole {end} file", error)
                : new UserErrorException($"{file}: cannot be read as a data file: {error.Message}", error);
        }
    }

    /// <summary>
    /// The line that could not be read to its end. A read that fails keeps back what it had unpacked until then, so the file is read
    /// again byte by byte.
    /// </summary>
    private static long LineOfDamage(string file)
    {
        var line = 1L;
        using var stream = Open(file);
        try
        {
            for (int next; (next = stream.ReadByte()) >= 0;)
                if (next == '\n') line++;
        }
        catch (Exception error) when (IsDamage(error))
        {
            // Here it is.
        }
        return line;
    }

    /// <summary>SharpZipLib looks up damaged lengths in tables that end before them.</summary>
    private static bool IsDamage(Exception error) => error is IOException or SharpZipBaseException or ZstdException or InvalidDataException or IndexOutOfRangeException or ArgumentException;
}
