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
    /// <param name="maxBytes">The longest line, at most half a gibibyte: the buffer doubles, and must hold the line feed too.</param>
    /// <returns>Memory that is valid until the next line is asked for; null for a longer line, which is passed over.</returns>
    public static IEnumerable<ReadOnlyMemory<byte>?> Read(Stream stream, int maxBytes)
    {
        var buffer = new byte[FirstBufferBytes];
        int start = 0, end = 0, searched = 0;
        var (first, tooLong) = (true, false);
        while (true)
        {
            var feed = buffer.AsSpan(searched, end - searched).IndexOf(LineFeed);
            if (feed < 0)
            {
                // Told at once: the rest of it may be without end.
                if (!tooLong && end - start > maxBytes) yield return null;
                tooLong |= end - start > maxBytes;
                // Nothing of a line that is too long is kept.
                if (tooLong) start = end = 0;
                searched = end;
                if (Fill(stream, ref buffer, ref start, ref end, ref searched)) continue;
                if (!tooLong && end > start) yield return Line(buffer, start, end, first);
                yield break;
            }
            // Not one expression: there null would become empty memory.
            if (!tooLong && searched + feed - start <= maxBytes) yield return Line(buffer, start, searched + feed, first);
            else if (!tooLong) yield return null;
            (first, tooLong) = (false, false);
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
        if (end == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
        var read = stream.Read(buffer, end, buffer.Length - end);
        end += read;
        return read > 0;
    }
}
