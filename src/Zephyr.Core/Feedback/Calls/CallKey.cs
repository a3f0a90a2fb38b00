using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

namespace Zephyr.Feedback.Calls;

/// <summary>
/// What two calls are the same by: 128 bits of the SHA-256 of everything that the answer may depend on, and of nothing else. The address of an endpoint is not
/// part of it: a server that has moved to another port is not asked again. (http://...#MODEL has no other name: two servers may call their models alike.) Nor is the folder of local:DIR.
/// A schema and a seed count where they are sent: a judge that is now held to a form is asked again.
/// </summary>
internal static class CallKey
{
    /// <param name="call">The call.</param>
    /// <param name="model">The model that is asked.</param>
    /// <param name="identity">What answers under that name: an endpoint's name of the model, or the content of a local one.</param>
    public static UInt128 Of(ModelCall call, PoolModel model, string identity)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            json.WriteStringValue(call.Purpose);
            json.WriteStringValue(model.IsNamedByFolder ? "" : call.Model);
            json.WriteStringValue(identity);
            json.WriteNumberValue(call.Options.Temperature);
            json.WriteNumberValue(call.Options.TopP);
            json.WriteNumberValue(call.Options.MaxNewTokens);
            if (model.Options.SupportsSeed && call.Options.Seed is { } seed) json.WriteNumberValue(seed); else json.WriteNullValue();
            json.WriteStringValue(model.Options.SupportsJsonSchema ? call.Options.JsonSchema : null);
            foreach (var message in call.Messages)
            {
                json.WriteStringValue(message.Role);
                json.WriteStringValue(message.Content);
            }
            json.WriteEndArray();
        }
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(buffer.WrittenSpan, hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }

    /// <summary>As the journal writes it.</summary>
    public static string Text(UInt128 key) => key.ToString("x32", CultureInfo.InvariantCulture);
}
