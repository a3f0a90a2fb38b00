using System.Text;
using CsCheck;

namespace Zephyr.Tests.Hostile;

/// <summary>
/// What happens to files: bits flip, ends are cut off, ranges are lost, doubled, swapped or taken from another file, and numbers become extreme. One to four such
/// faults an input, often where readers look first, at the beginning and at the end.
/// </summary>
internal static class Mutations
{
    private static readonly byte[][] Words =
    [
        [0], [1], [0x7F], [0x80], [0xFF], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0x80],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0, 0, 0, 0, 0x80], [0, 0, 0, 0, 1, 0, 0, 0],
        // Numbers of seven bits a byte (Thrift, Protocol Buffers): -1, the largest, one without an end.
        [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0xFE, 0xFF, 0xFF, 0xFF, 0x0F], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    ];

    private static readonly string[] Texts =
    [
        "-1", "0", "1e999", "-0.0", "99999999999999999999", "9223372036854775807", "-9223372036854775808", "2147483648", "4294967296", "NaN", "null", "true", "\"\"", "[]", "{}", "\0",
        "\"\\ud800\"", "\\udc00", "\n", "\r\n", "\"", "\\", "&a [*a,*a]", "*a", "!!x", "---\n", "\t", "../../etc/passwd", ": ", "\uFEFF", "]", "}", ",",
    ];

    private static readonly byte[][] Broken = [[0xC0, 0x80], [0xED, 0xA0, 0x80], [0xFF], [0xE2, 0x96], [0xF4, 0x90, 0x80, 0x80]];

    private static readonly byte[][] Insertions =
    [
        .. Words, .. Texts.Select(Encoding.UTF8.GetBytes), .. Broken,
        .. new[] { "[", "{\"a\":", "{", "(", "- " }.Select(open => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(open, 300)))),
    ];

    /// <summary>Where in a file of any length.</summary>
    private static readonly Gen<Func<int, int>> Place = Gen.Select(Gen.Int[0, 5], Gen.Double[0, 1]).Select((kind, share) => (Func<int, int>)(length => kind switch
    {
        0 => (int)(share * Math.Min(length, 64)),
        1 => Math.Max(0, length - 1 - (int)(share * 64)),
        2 => Math.Max(0, length - 1 - (int)(share * 1024)),
        _ => (int)(share * length),
    }));

    private static readonly Gen<int> Length = Gen.Frequency((3, Gen.Int[1, 8]), (2, Gen.Int[1, 200]), (1, Gen.Int[1, 20_000]));

    /// <summary>A file made of one of <paramref name="samples"/>, which are whole.</summary>
    public static Gen<byte[]> Of(IReadOnlyList<byte[]> samples)
    {
        var sample = Gen.Int[0, samples.Count - 1].Select(i => samples[i]);
        return Gen.Select(sample, Fault(sample).Array[1, 4]).Select((whole, faults) => faults.Aggregate(whole, (bytes, fault) => fault(bytes)));
    }

    private static Gen<Func<byte[], byte[]>> Fault(Gen<byte[]> other) => Gen.Frequency(
        (4, Gen.Select(Place, Gen.Int[0, 7]).Select((at, bit) => Of(bytes => Changed(bytes, at(bytes.Length), b => (byte)(b ^ 1 << bit))))),
        (2, Gen.Select(Place, Gen.Byte).Select((at, value) => Of(bytes => Changed(bytes, at(bytes.Length), _ => value)))),
        (4, Gen.Select(Place, Gen.Int[0, Insertions.Length - 1]).Select((at, i) => Of(bytes => Spliced(bytes, at(bytes.Length), Insertions[i].Length, Insertions[i])))),
        (3, Gen.Select(Place, Gen.Int[0, Insertions.Length - 1]).Select((at, i) => Of(bytes => Spliced(bytes, at(bytes.Length), 0, Insertions[i])))),
        (3, Gen.Select(Place, Gen.Int[0, Texts.Length - 1]).Select((at, i) => Of(bytes => Renumbered(bytes, at(bytes.Length), Texts[i])))),
        (1, Place.Select(at => Of(bytes => bytes[..at(bytes.Length)]))),
        (1, Gen.Select(Place, Length).Select((at, length) => Of(bytes => Spliced(bytes, at(bytes.Length), length, [])))),
        (2, Gen.Select(Place, Place, Length).Select((from, to, length) => Of(bytes => Spliced(bytes, to(bytes.Length), 0, Range(bytes, from(bytes.Length), length))))),
        (2, Gen.Select(Place, Place, Length).Select((one, two, length) => Of(bytes => Swapped(bytes, one(bytes.Length), two(bytes.Length), length)))),
        (2, Gen.Select(other, Place, Place, Length).Select((source, from, to, length) => Of(bytes => Spliced(bytes, to(bytes.Length), length, Range(source, from(source.Length), length))))));

    private static Func<byte[], byte[]> Of(Func<byte[], byte[]> fault) => bytes => bytes.Length == 0 ? bytes : fault(bytes);

    private static byte[] Changed(byte[] bytes, int at, Func<byte, byte> change)
    {
        byte[] changed = [.. bytes];
        at = Math.Min(at, bytes.Length - 1);
        changed[at] = change(changed[at]);
        return changed;
    }

    private static byte[] Range(byte[] bytes, int at, int length) => at >= bytes.Length ? [] : bytes[at..Math.Min(bytes.Length, at + length)];

    private static byte[] Spliced(byte[] bytes, int at, int removed, byte[] inserted) =>
        [.. bytes.AsSpan(0, Math.Min(at, bytes.Length)), .. inserted, .. bytes.AsSpan(Math.Min(bytes.Length, at + removed))];

    private static byte[] Swapped(byte[] bytes, int one, int two, int length)
    {
        (one, two) = (Math.Min(one, two), Math.Max(one, two));
        length = Math.Min(length, Math.Min(two - one, bytes.Length - two));
        return length <= 0 ? bytes : [.. bytes.AsSpan(0, one), .. bytes.AsSpan(two, length), .. bytes.AsSpan(one + length, two - one - length), .. bytes.AsSpan(one, length), .. bytes.AsSpan(two + length)];
    }

    /// <summary>The next number that is written in digits becomes something else.</summary>
    private static byte[] Renumbered(byte[] bytes, int at, string text)
    {
        var digits = bytes.AsSpan(Math.Min(at, bytes.Length)).IndexOfAnyInRange((byte)'0', (byte)'9');
        if (digits < 0) return bytes;
        var start = at + digits;
        var length = bytes.AsSpan(start).IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        return Spliced(bytes, start, length < 0 ? bytes.Length - start : length, Encoding.UTF8.GetBytes(text));
    }
}
