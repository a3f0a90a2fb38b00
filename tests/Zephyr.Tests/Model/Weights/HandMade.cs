using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace Zephyr.Tests.Model.Weights;

/// <summary>Safetensors files put together by hand, right or wrong.</summary>
internal static class HandMade
{
    /// <summary>Eight bytes of header length, the header, then zeros as data.</summary>
    public static byte[] File(string header, int dataBytes, ulong? claimedLength = null) =>
        File(Encoding.UTF8.GetBytes(header), dataBytes, claimedLength);

    public static byte[] File(byte[] header, int dataBytes, ulong? claimedLength = null)
    {
        var bytes = new byte[8 + header.Length + dataBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, claimedLength ?? (ulong)header.Length);
        header.CopyTo(bytes, 8);
        return bytes;
    }

    /// <summary>The description of one tensor in a header.</summary>
    public static string Entry(string name, string shape, string offsets, string dtype = "F32") =>
        $$"""
        "{{name}}": {"dtype": "{{dtype}}", "shape": {{shape}}, "data_offsets": {{offsets}}}
        """;

    /// <summary>Header and data of a well-formed file.</summary>
    public static (JsonObject Header, byte[] Data) Take(byte[] file)
    {
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        return (JsonNode.Parse(file.AsSpan(8, length))!.AsObject(), file[(8 + length)..]);
    }

    public static byte[] Put(JsonObject header, byte[] data)
    {
        byte[] file = [.. File(header.ToJsonString(), data.Length)];
        data.CopyTo(file, file.Length - data.Length);
        return file;
    }
}
