using System.Buffers.Binary;
using Tensorboard;

namespace Zephyr.Tests.Training;

/// <summary>Reads event files as TensorBoard does: checks each record, and lets a restart take back what it overtakes.</summary>
internal static class EventReader
{
    /// <summary>A point of a curve.</summary>
    internal sealed record Point(string Tag, long Step, float Value);

    /// <summary>What TensorBoard would draw of a folder.</summary>
    public static List<Point> Points(string folder)
    {
        var points = new List<Point>();
        foreach (var happened in Directory.GetFiles(folder, "*tfevents*").Order(StringComparer.Ordinal).SelectMany(Events))
        {
            if (happened.SessionLog?.Status == SessionLog.Types.SessionStatus.Start) points.RemoveAll(point => point.Step >= happened.Step);
            if (happened.Summary is { } summary) points.AddRange(summary.Value.Select(value => new Point(value.Tag, happened.Step, value.SimpleValue)));
        }
        return points;
    }

    /// <summary>The records of a file, each with both its checksums verified.</summary>
    public static List<Event> Events(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var events = new List<Event>();
        for (var at = 0; at < bytes.Length;)
        {
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));
            Assert.Equal(Masked(bytes.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8)));
            Assert.Equal(Masked(bytes.AsSpan(at + 12, length)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 12 + length)));
            // Through a stream: TorchSharp's messages are of an older generation, which cannot be parsed from a span.
            using var data = new MemoryStream(bytes, at + 12, length);
            events.Add(Event.Parser.ParseFrom(data));
            at += length + 16;
        }
        Assert.Equal("brain.Event:2", events[0].FileVersion);
        return events;
    }

    /// <summary>CRC-32C by the definition, bit by bit.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> data)
    {
        var remainder = uint.MaxValue;
        foreach (var value in data)
        {
            remainder ^= value;
            for (var bit = 0; bit < 8; bit++) remainder = (remainder >> 1) ^ ((remainder & 1) * 0x82f63b78);
        }
        return ~remainder;
    }

    private static uint Masked(ReadOnlySpan<byte> data)
    {
        var checksum = Crc32C(data);
        return unchecked(((checksum >> 15) | (checksum << 17)) + 0xa282ead8);
    }
}
