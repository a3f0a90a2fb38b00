using System.Text;
using Zephyr.Runtime;

namespace Zephyr.Cli;

/// <summary>Text that a user hands in as a file.</summary>
internal static class TextFiles
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The whole file, byte for byte as UTF-8 (a byte-order mark stays a character, as it is one to the tokenizer).</summary>
    /// <exception cref="UserErrorException">It cannot be read, or is not UTF-8.</exception>
    public static string Read(string path)
    {
        try
        {
            return Strict.GetString(File.ReadAllBytes(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be read: {error.Message}", error);
        }
        catch (DecoderFallbackException error)
        {
            throw new UserErrorException($"{path}: found bytes that are not UTF-8 at offset {error.Index}, expected UTF-8 text", error);
        }
    }
}
