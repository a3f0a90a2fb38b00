using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Zephyr.Runtime;

/// <summary>
/// Waits until something is on the disk. A rename may reach it before the content does, and the content before the name: after a power cut a name
/// would promise what is not there, or a file would have none.
/// </summary>
internal static partial class DiskFlush
{
    /// <summary>A file's content.</summary>
    /// <exception cref="IOException">It could not be written after all.</exception>
    public static void OfFile(string path)
    {
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>The names in a folder. .NET opens no folders; where the system cannot flush one, nothing is lost that was there before.</summary>
    public static void OfFolder(string path)
    {
        using var handle = OpenUnlocked(path);
        if (!handle.IsInvalid) _ = Sync(handle);
    }

    /// <summary>Opens a file or folder for reading whoever has locked it; invalid where that cannot be.</summary>
    public static SafeFileHandle OpenUnlocked(string path) => Open(path, 0);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Sync(SafeFileHandle file);
}
