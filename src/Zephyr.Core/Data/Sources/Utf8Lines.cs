namespace Zephyr.Data.Sources;

/// <summary>
/// The lines of a file as bytes. A text reader would decode ahead of the line it hands out, so it could not say on
/// which line the broken bytes are.
/// </summary>
internal static class Utf8Lines
{
    private const byte LineFeed = (byte)'\n';
    private const int FirstBufferBytes = 1 << 16;

    /// <summary>Every line without its line feed; a byte order mark at the start of the file is left out.</summary>
    /// <param name="stream">Read from where it stands to its end.</param>
    /// <returns>Memory that is valid until the next line is asked for.</returns>
    public static IEnumerable<ReadOnlyMemory<byte>> Read(Stream stream)
    {
        var buffer = new byte[FirstBufferBytes];
        int start = 0, end = 0, searched = 0;
        var first = true;
        while (true)
        {
            var feed = buffer.AsSpan(searched, end - searched).IndexOf(LineFeed);
            if (feed < 0)
            {
                searched = end;
                if (Fill(stream, ref buffer, ref start, ref end, ref searched)) continue;
                if (end > start) yield return Line(buffer, start, end, first);
                yield break;
            }
            yield return Line(buffer, start, searched + feed, first);
            first = false;
            start = searched = searched + feed + 1;
        }
    }

    private static ReadOnlyMemory<byte> Line(byte[] buffer, int start, int end, bool first)
    {
        var line = buffer.AsMemory(start, end - start);
        return first && line.Span.StartsWith("\uFEFF"u8) ? line[3..] : line;
    }

    /// <summary>Reads on behind <paramref name="end"/>, after making room; false at the end of the file.</summary>
    private static bool Fill(Stream stream, ref byte[] buffer, ref int start, ref int end, ref int searched)
    {
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end, searched) = (0, end - start, searched - start);
        }
        if (end == buffer.Length) Array.Resize(ref buffer, checked(buffer.Length * 2));
        var read = stream.Read(buffer, end, buffer.Length - end);
        end += read;
        return read > 0;
    }
}
