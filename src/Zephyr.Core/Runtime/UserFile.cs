using System.Text;

namespace Zephyr.Runtime;

/// <summary>Opens files that a user named; whatever is wrong with one is said in the same words everywhere.</summary>
public static class UserFile
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Opens a file for reading.</summary>
    /// <param name="path">As the user wrote it.</param>
    /// <param name="kind">What it should be, for messages: "config file".</param>
    /// <exception cref="UserErrorException">It is not there, is a folder, or cannot be opened.</exception>
    public static FileStream Open(string path, string kind)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw Unreadable(path, kind, error);
        }
    }

    /// <summary>The whole file as bytes.</summary>
    /// <inheritdoc cref="Open"/>
    /// <param name="path">As the user wrote it.</param>
    /// <param name="kind">What it should be, for messages: "config file".</param>
    /// <param name="most">The most bytes it may have: a wrong path must not fill the memory. No more are read, whatever size the file system tells.</param>
    public static byte[] ReadBytes(string path, string kind, int most)
    {
        using var stream = Open(path, kind);
        try
        {
            using var bytes = new MemoryStream();
            var portion = new byte[1 << 16];
            for (int read; (read = stream.Read(portion)) > 0;)
            {
                if (bytes.Length + read > most) throw new UserErrorException($"{path}: found more than {most} bytes, expected a {kind} of at most that");
                bytes.Write(portion, 0, read);
            }
            return bytes.ToArray();
        }
        catch (IOException error)
        {
            throw Unreadable(path, kind, error);
        }
    }

    /// <summary>The whole file as text, a byte order mark included: it is a character.</summary>
    /// <inheritdoc cref="ReadBytes"/>
    public static string ReadText(string path, string kind, int most)
    {
        try
        {
            return StrictUtf8.GetString(ReadBytes(path, kind, most));
        }
        catch (DecoderFallbackException error)
        {
            throw new UserErrorException($"{path}: found bytes that are not UTF-8 at offset {error.Index}, expected UTF-8 text ({kind})", error);
        }
    }

    private static UserErrorException Unreadable(string path, string kind, Exception error) => new(
        Directory.Exists(path) ? $"{path}: found a folder, expected a file ({kind})"
        : error is FileNotFoundException or DirectoryNotFoundException ? $"{path}: there is no such file, expected a {kind}"
        : $"{path}: cannot be read as a {kind}: {error.Message}", error);
}
