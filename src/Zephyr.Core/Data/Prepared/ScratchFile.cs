using Zephyr.Runtime;

namespace Zephyr.Data.Prepared;

/// <summary>Files for writing and reading at once, for their owner alone.</summary>
internal static class ScratchFile
{
    private static readonly FileStreamOptions New = new()
    {
        Mode = FileMode.CreateNew,
        Access = FileAccess.ReadWrite,
        Share = FileShare.ReadWrite | FileShare.Delete,
        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        BufferSize = 0,
    };

    /// <summary>A new file under a name of its own.</summary>
    /// <param name="prefix">What the path begins with.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be made.</exception>
    public static FileStream Create(string prefix) => new($"{prefix}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp", New);

    /// <summary>A new file without a name: it goes with whoever holds it open, however that ends.</summary>
    /// <param name="folder">On which disk; null for where temporary files go.</param>
    /// <exception cref="UserErrorException">It cannot be made.</exception>
    public static FileStream CreateNameless(string? folder = null)
    {
        folder ??= Path.GetTempPath();
        try
        {
            var file = Create(Path.Combine(folder, "zephyr-rows"));
            File.Delete(file.Name);
            return file;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{folder}: the prepared rows could not be written there: {error.Message}; name another folder with TMPDIR", error);
        }
    }

    /// <summary>Holds rows in a nameless file, to go through them in any order.</summary>
    /// <param name="format">How they are written.</param>
    /// <param name="narrow">Whether every token id fits two bytes.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="folder">On which disk; null for where temporary files go.</param>
    /// <returns>They, to be disposed of.</returns>
    /// <exception cref="UserErrorException">There is no room for them.</exception>
    public static PreparedRows<T> Hold<T>(IRowFormat<T> format, bool narrow, IEnumerable<T> rows, string? folder = null)
    {
        var file = CreateNameless(folder);
        try
        {
            return PreparedFile<T>.Write(file, new(format, narrow, rows, [], () => []), default).Train;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
