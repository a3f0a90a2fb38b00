using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Zephyr.Runtime;

/// <summary>The SHA-256 of files, each read once however often it is asked for. May be used from several threads.</summary>
public sealed class FileHashes
{
    private const int Chunk = 1 << 16;

    private readonly ConcurrentDictionary<string, (string Hash, long Length, DateTime Written)> _known = new(StringComparer.Ordinal);

    /// <summary>The hash of a file's content, in small hexadecimal digits.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellation">Ends the reading of a large one.</param>
    /// <exception cref="UserErrorException">It cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public string Of(string path, CancellationToken cancellation = default) => _known.GetOrAdd(path, file =>
    {
        using var stream = UserFile.Open(file, "input file");
        // Before the first byte is read: what is written meanwhile shows.
        var info = new FileInfo(file);
        var (length, written) = (info.Length, info.LastWriteTimeUtc);
        return (Convert.ToHexStringLower(Of(stream, long.MaxValue, cancellation)), length, written);
    }).Hash;

    /// <summary>Refuses files that were written to since they were hashed: what was read of them may be another content.</summary>
    /// <exception cref="UserErrorException">One was.</exception>
    public void RequireUnchanged(IEnumerable<string> paths)
    {
        foreach (var path in paths)
            if (_known.TryGetValue(path, out var then) && new FileInfo(path) is var now && (!now.Exists || (now.Length, now.LastWriteTimeUtc) != (then.Length, then.Written)))
                throw new UserErrorException($"{path}: was changed while it was being read, expected a file that nobody writes to");
    }

    /// <summary>The hash of the next bytes of a stream, or of what there is of them.</summary>
    internal static byte[] Of(Stream stream, long length, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Chunk];
        while (length > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            var read = stream.Read(buffer, 0, (int)Math.Min(buffer.Length, length));
            if (read == 0) break;
            hash.AppendData(buffer, 0, read);
            length -= read;
        }
        return hash.GetHashAndReset();
    }
}
