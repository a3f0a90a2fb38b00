using System.Text;

namespace Zephyr.Runtime;

/// <summary>Small files that appear whole or not at all: written beside, flushed and renamed. What could not be written leaves nothing behind.</summary>
internal static class WholeFile
{
    /// <summary>Writes text as UTF-8, in the place of what is there.</summary>
    /// <exception cref="IOException">It cannot be written; what was there before still is.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public static void Write(string path, string text) => Write(path, file => file.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Writes in portions, in the place of what is there.</summary>
    /// <inheritdoc cref="Write(string, string)"/>
    public static void Write(string path, Action<FileStream> write)
    {
        var aside = path + ".tmp";
        try
        {
            Guard(() =>
            {
                using var file = new FileStream(aside, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
                write(file);
                file.Flush(flushToDisk: true);
            });
            File.Move(aside, path, overwrite: true);
        }
        catch
        {
            File.Delete(aside);
            throw;
        }
    }

    /// <summary>Runs what writes. .NET calls a file at the limit of its size (EFBIG: ulimit -f, or the file system's own) a wrong argument; it is a failure of the disk like any other.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Guard(Action write)
    {
        try
        {
            write();
        }
        catch (ArgumentOutOfRangeException error) when (error.TargetSite?.DeclaringType == typeof(RandomAccess))
        {
            throw new IOException("File too large for a limit of the system (ulimit -f) or of the disk", error);
        }
    }
}
