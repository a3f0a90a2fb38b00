using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Zephyr.Data;

/// <summary>A number for a prompt, for seeded choices that must not depend on the order of the rows.</summary>
public static class PromptKey
{
    /// <summary>The first 64 bits of the SHA-256 of its UTF-8 text.</summary>
    public static long Of(string prompt) => BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(prompt)));
}
