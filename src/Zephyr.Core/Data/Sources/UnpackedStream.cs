namespace Zephyr.Data.Sources;

/// <summary>What a compressed file unpacks to, as long as that is in proportion to the file: a few megabytes can be made to unpack to terabytes.</summary>
/// <param name="unpacked">The content.</param>
/// <param name="packed">The file.</param>
internal sealed class UnpackedStream(Stream unpacked, FileStream packed) : Stream
{
    /// <summary>Rows of text are some ten times as long as packed. From this on, the content must not be a thousand times as long.</summary>
    private const long Free = 1L << 30, Most = 1000;

    private long _read;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _read;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">It is out of proportion.</exception>
    public override int Read(byte[] buffer, int offset, int count)
    {
        var read = unpacked.Read(buffer, offset, count);
        _read += read;
        if (_read > Free && _read / Most > packed.Length)
            throw new InvalidDataException($"{packed.Length} bytes unpack to more than {_read}");
        return read;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) unpacked.Dispose();
        base.Dispose(disposing);
    }
}
