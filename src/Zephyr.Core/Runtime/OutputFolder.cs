using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Zephyr.Runtime;

/// <summary>What every stage needs to know of an output folder: whose it is, and that nobody else writes to it.</summary>
public static class OutputFolder
{
    /// <summary>The file that says what ran.</summary>
    public const string RecordName = "run.json";

    // EWOULDBLOCK: how .NET reports on Linux that another open file holds the lock.
    private const int LockedElsewhere = 11;

    /// <summary>The stage whose run.json stands in a folder; null where there is none that can be read.</summary>
    public static string? StageOf(string folder)
    {
        try
        {
            return (string?)JsonNode.Parse(File.ReadAllBytes(Path.Combine(folder, RecordName)))?["stage"];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Takes a lock that lives as long as the process at most, so that a killed run leaves none behind, whatever file it leaves.</summary>
    /// <param name="file">The lock's file, in an existing folder; it goes when the lock is disposed of, and holds the number of the process until then.</param>
    /// <param name="folder">The output folder, for the message.</param>
    /// <exception cref="UserErrorException">Another run holds it.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static IDisposable Lock(string file, string folder)
    {
        while (true)
        {
            var held = Open(file, folder);
            try
            {
                held.SetLength(0);
                held.Write(Encoding.ASCII.GetBytes($"{Environment.ProcessId}"));
                // Otherwise who held it until now has deleted it after it was opened here: the lock is on a file without a name, and keeps nobody out.
                if (HasName(held)) return new HeldLock(held);
            }
            catch
            {
                held.Dispose();
                throw;
            }
            held.Dispose();
        }
    }

    private static FileStream Open(string file, string folder)
    {
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, 0);
        }
        catch (IOException error) when (error.HResult == LockedElsewhere)
        {
            var process = OwnerOf(file) is { Length: > 0 } number ? $" (process {number})" : "";
            throw new UserErrorException($"output_dir {folder}: another run{process} is writing to it, expected a folder of its own for each", error);
        }
    }

    private static bool HasName(FileStream file) =>
        new FileInfo($"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}").LinkTarget is not { } name || !name.EndsWith(" (deleted)", StringComparison.Ordinal);

    /// <summary>The number of the process that wrote itself into a lock; empty between the taking and the writing.</summary>
    private static string OwnerOf(string file)
    {
        // Every way of .NET's to open a file asks for a lock first.
        using var handle = DiskFlush.OpenUnlocked(file);
        if (handle.IsInvalid) return "";
        using var reader = new StreamReader(new FileStream(handle, FileAccess.Read));
        return reader.ReadToEnd();
    }

    /// <summary>Free bytes on the disk that a folder stands on, or would; null where that cannot be told.</summary>
    public static long? FreeBytes(string folder)
    {
        try
        {
            var existing = Path.GetFullPath(folder);
            while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } parent) existing = parent;
            return new DriveInfo(existing).AvailableFreeSpace;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Whether two paths name one folder or file, links followed.</summary>
    public static bool IsSame(string one, string other) => Resolve(one) == Resolve(other);

    /// <summary>Not DeleteOnClose: a lock that turns out to be on a nameless file must not delete the one that has the name.</summary>
    private sealed class HeldLock(FileStream held) : IDisposable
    {
        public void Dispose()
        {
            // First the name: whoever opens the file until it is closed finds out.
            try
            {
                File.Delete(held.Name);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // The folder is gone, or closed to us by now: what is left of the lock holds nobody off.
            }
            held.Dispose();
        }
    }

    private static string Resolve(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        FileSystemInfo info = Directory.Exists(full) ? new DirectoryInfo(full) : new FileInfo(full);
        return info.Exists && info.ResolveLinkTarget(returnFinalTarget: true) is { } target ? target.FullName : full;
    }
}
