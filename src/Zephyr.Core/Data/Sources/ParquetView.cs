namespace Zephyr.Data.Sources;

/// <summary>
/// A Parquet file as the library sees it: the file's own bytes, with headers of pages replaced and another footer. It never says that a number goes on where the file has ended,
/// as a stream's -1 would to a reader that looks at seven bits of a byte.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="footer">What to put in its footer's place.</param>
internal sealed class ParquetView(FileStream file, ParquetFooter footer) : Stream
{
    private readonly List<(long At, byte[] Bytes)> _patches = [];
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => footer.Start + footer.Rewritten.Length;

    public override long Position
    {
        get => _position;
        set => _position = value >= 0 ? value : throw new IOException($"a place before the file, {value}");
    }

    /// <summary>Shows other bytes from a place on. Places do not overlap.</summary>
    public void Patch(long at, byte[] bytes)
    {
        var place = Find(at);
        if (place >= 0 && _patches[place].At == at) _patches[place] = (at, bytes);
        else _patches.Insert(place + 1, (at, bytes));
    }

    /// <summary>Shows the file's own bytes again.</summary>
    public void Forget() => _patches.Clear();

    /// <summary>The file's own bytes.</summary>
    /// <exception cref="EndOfStreamException">The file ends before them.</exception>
    public byte[] Bytes(long at, int count)
    {
        var bytes = new byte[count];
        Fill(bytes, at);
        return bytes;
    }

    /// <inheritdoc cref="Bytes"/>
    public void Fill(Span<byte> bytes, long at)
    {
        while (bytes.Length > 0)
        {
            var read = RandomAccess.Read(file.SafeFileHandle, bytes, at);
            if (read == 0) throw new EndOfStreamException("it ends too early");
            bytes = bytes[read..];
            at += read;
        }
    }

    public override int Read(Span<byte> buffer)
    {
        if (_position >= Length || buffer.Length == 0) return 0;
        var read = _position >= footer.Start ? Copy(footer.Rewritten, footer.Start, buffer) : ReadData(buffer);
        _position += read;
        return read;
    }

    public override int ReadByte()
    {
        Span<byte> one = stackalloc byte[1];
        return Read(one) == 1 ? one[0] : throw new EndOfStreamException("it ends too early");
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => Task.FromResult(Read(buffer.AsSpan(offset, count)));

    public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
    {
        SeekOrigin.Begin => 0,
        SeekOrigin.Current => _position,
        _ => Length,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private int ReadData(Span<byte> buffer)
    {
        var place = Find(_position);
        if (place >= 0 && _position < _patches[place].At + _patches[place].Bytes.Length) return Copy(_patches[place].Bytes, _patches[place].At, buffer);
        var end = place + 1 < _patches.Count ? _patches[place + 1].At : footer.Start;
        return RandomAccess.Read(file.SafeFileHandle, buffer[..(int)Math.Min(buffer.Length, end - _position)], _position);
    }

    private int Copy(byte[] bytes, long at, Span<byte> buffer)
    {
        var rest = bytes.AsSpan((int)(_position - at));
        var count = Math.Min(rest.Length, buffer.Length);
        rest[..count].CopyTo(buffer);
        return count;
    }

    /// <summary>The last patch that begins at a place or before it; -1 where there is none.</summary>
    private int Find(long at)
    {
        var (low, high) = (0, _patches.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_patches[middle].At <= at) low = middle + 1;
            else high = middle;
        }
        return low - 1;
    }
}
