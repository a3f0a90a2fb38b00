using System.Buffers.Binary;
using System.Security.Cryptography;
using Zephyr.Runtime;

namespace Zephyr.Data.Prepared;

/// <summary>Writes a file from its beginning, in large pieces, and ends it with the SHA-256 of all that was written.</summary>
/// <param name="file">Not owned.</param>
internal sealed class HashedOutput(FileStream file) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _buffered;

    /// <summary>Bytes appended so far.</summary>
    public long Length { get; private set; }

    /// <summary>Appends bytes.</summary>
    /// <exception cref="UserErrorException">There is no room for them.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        Length += bytes.Length;
        while (bytes.Length > 0)
        {
            if (_buffered == _buffer.Length) Flush();
            var part = bytes[..Math.Min(bytes.Length, _buffer.Length - _buffered)];
            part.CopyTo(_buffer.AsSpan(_buffered));
            _buffered += part.Length;
            bytes = bytes[part.Length..];
        }
    }

    /// <summary>Appends a number in eight bytes.</summary>
    public void Append(long number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        Append(bytes);
    }

    /// <summary>Appends the hash; nothing may follow.</summary>
    public void Finish()
    {
        Flush();
        Write(_hash.GetHashAndReset());
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();

    private void Flush()
    {
        var bytes = _buffer.AsSpan(0, _buffered);
        _hash.AppendData(bytes);
        Write(bytes);
        _buffered = 0;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            file.Write(bytes);
        }
        catch (IOException error)
        {
            throw new UserErrorException($"{Path.GetDirectoryName(file.Name)}: the prepared rows could not be written there: {error.Message}; "
                + "make room, or name a folder on another disk with dataset_cache_dir (TMPDIR where it is none)", error);
        }
    }
}
