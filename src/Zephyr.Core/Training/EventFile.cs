using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Google.Protobuf;
using Tensorboard;

namespace Zephyr.Training;

/// <summary>
/// A TensorBoard event file: TFRecords of TensorFlow's Event message. A record is the length of its data (8 bytes), that
/// length's checksum (4), the data, the data's checksum (4), all little endian. TorchSharp's own SummaryWriter makes such files
/// too, but stamps them with .NET ticks where TensorBoard wants Unix seconds, and knows no restarts: only its messages are used.
/// </summary>
internal sealed class EventFile
{
    private const string Prefix = "events.out.tfevents.";

    private readonly string _path;
    private readonly TimeProvider _time;

    /// <summary>Begins a file that TensorBoard reads after all others of its folder: it goes through them by name.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="writer">Ends the file's name: says whose it is.</param>
    /// <param name="time">Stamps the file and every event.</param>
    public EventFile(string folder, string writer, TimeProvider time)
    {
        _time = time;
        // Not the time alone: two runs may begin within a second, and a clock may be set back.
        var number = Directory.EnumerateFiles(folder, Prefix + "*").Select(NumberOf).Append(time.GetUtcNow().ToUnixTimeSeconds() - 1).Max() + 1;
        _path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number:0000000000}.{writer}"));
        Append(new() { FileVersion = "brain.Event:2" });
    }

    /// <summary>The files of a folder that a writer has begun.</summary>
    public static IEnumerable<string> Of(string folder, string writer) => Directory.EnumerateFiles(folder, $"{Prefix}*.{writer}");

    /// <summary>Whatever was written for this step or a later one, in any file of the folder, counts no more.</summary>
    public void Restart(int step) => Append(new() { Step = step, SessionLog = new() { Status = SessionLog.Types.SessionStatus.Start } });

    /// <summary>Adds one step's values, as the 32-bit numbers that TensorBoard draws.</summary>
    public void Write(int step, IEnumerable<KeyValuePair<string, double>> values)
    {
        var summary = new Summary();
        summary.Value.AddRange(values.Select(value => new Summary.Types.Value { Tag = value.Key, SimpleValue = (float)value.Value }));
        Append(new() { Step = step, Summary = summary });
    }

    /// <summary>A file that is open for one record only needs no closing, and a crash costs at most that record.</summary>
    private void Append(Event what)
    {
        what.WallTime = _time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;
        var data = what.ToByteArray();
        var record = new byte[data.Length + 16];
        BinaryPrimitives.WriteInt64LittleEndian(record, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), MaskedChecksum(record.AsSpan(0, 8)));
        data.CopyTo(record, 12);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + data.Length), MaskedChecksum(data));
        using var file = new FileStream(_path, FileMode.Append, FileAccess.Write, FileShare.Read);
        file.Write(record);
    }

    /// <summary>CRC-32C, turned by 15 bits and shifted by a constant, so that a checksum of data that holds checksums stays a good one.</summary>
    private static uint MaskedChecksum(ReadOnlySpan<byte> data)
    {
        var checksum = uint.MaxValue;
        foreach (var value in data) checksum = BitOperations.Crc32C(checksum, value);
        return unchecked(BitOperations.RotateRight(~checksum, 15) + 0xa282ead8);
    }

    private static long NumberOf(string path) =>
        long.TryParse(Path.GetFileName(path)[Prefix.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
