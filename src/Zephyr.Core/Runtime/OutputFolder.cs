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

    /// <summary>Takes a lock that lives as long as the process at most, so that a killed run leaves none behind.</summary>
    /// <param name="file">The lock's file, in an existing folder; it goes when the lock is disposed of.</param>
    /// <param name="folder">The output folder, for the message.</param>
    /// <exception cref="UserErrorException">Another run holds it.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static IDisposable Lock(string file, string folder)
    {
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException error) when (error.HResult == LockedElsewhere)
        {
            throw new UserErrorException($"output_dir {folder}: another run is writing to it, expected a folder of its own for each", error);
        }
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

    private static string Resolve(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        FileSystemInfo info = Directory.Exists(full) ? new DirectoryInfo(full) : new FileInfo(full);
        return info.Exists && info.ResolveLinkTarget(returnFinalTarget: true) is { } target ? target.FullName : full;
    }
}
