using Zephyr.Runtime;

namespace Zephyr.Data.Prepared;

/// <summary>What a look into the folder found.</summary>
/// <param name="File">The rows; null where they have to be made.</param>
/// <param name="Damaged">A file is there that was torn or altered.</param>
internal readonly record struct FoundRows<T>(PreparedFile<T>? File, bool Damaged);

/// <summary>
/// A folder that keeps prepared rows under the name of what they were made of. Files appear in it whole or not at all, are never changed, and any may be deleted
/// at any time, also while it is in use. Several processes may work in it at once.
/// </summary>
/// <param name="path">Where; it need not exist.</param>
/// <param name="clock">For when a file was last used.</param>
internal sealed class PreparedFolder(string path, TimeProvider clock)
{
    private const string Kept = ".rows";

    private bool _isNew;

    // No run that writes pauses for so long.
    private static readonly TimeSpan Abandoned = TimeSpan.FromDays(1);

    /// <summary>The most bytes that all files together may take; the newest one stays, however large it is.</summary>
    public const long MostBytes = 5_000_000_000;

    /// <summary>The folder of dataset_cache_dir; null for none.</summary>
    /// <param name="name">As the user wrote it.</param>
    public static PreparedFolder? Of(string? name) => name switch
    {
        "none" => null,
        null or "" => new(Path.Combine(UserCache.Folder, "rows"), TimeProvider.System),
        _ => new(Path.GetFullPath(name), TimeProvider.System),
    };

    /// <summary>Where the rows of a key stand, or would.</summary>
    public string PathOf(ReadOnlySpan<byte> key) => Path.Combine(path, Convert.ToHexStringLower(key)[..32] + Kept);

    /// <summary>The rows of a key, if they are there and whole.</summary>
    /// <param name="key">32 bytes that name what they depend on.</param>
    /// <param name="format">How they are read.</param>
    /// <param name="cancellation">Ends the check of a large file.</param>
    public FoundRows<T> Find<T>(ReadOnlySpan<byte> key, IRowFormat<T> format, CancellationToken cancellation)
    {
        try
        {
            var file = new FileStream(PathOf(key), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 0);
            var found = PreparedFile<T>.Open(file, format, key, cancellation);
            return new(found, found is null);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    /// <summary>Marks the rows of a key as used just now, so that others go first.</summary>
    public void Touch(ReadOnlySpan<byte> key)
    {
        try
        {
            File.SetLastWriteTimeUtc(PathOf(key), clock.GetUtcNow().UtcDateTime);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Somebody deleted it, or it is another user's: it was good to read all the same.
        }
    }

    /// <summary>Begins a file that stands aside until <see cref="Keep"/> or <see cref="Forget"/>.</summary>
    /// <exception cref="IOException">The folder cannot be made or written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be made or written.</exception>
    public FileStream Begin(ReadOnlySpan<byte> key)
    {
        _isNew = !Directory.Exists(path);
        if (Path.GetDirectoryName(path) == UserCache.Folder) UserCache.Make();
        Directory.CreateDirectory(path, UserCache.OwnerOnly);
        return ScratchFile.Create(PathOf(key));
    }

    /// <summary>Gives a written file its name, and removes those that were not used for longest where all together are too large.</summary>
    /// <param name="written">As <see cref="Begin"/> gave it, with the rows in it.</param>
    /// <param name="key">Names what they depend on.</param>
    /// <param name="mostBytes">The most that all together may take.</param>
    /// <exception cref="UserErrorException">The disk has no room after all, or the folder is gone.</exception>
    public void Keep(FileStream written, ReadOnlySpan<byte> key, long mostBytes = MostBytes)
    {
        var target = PathOf(key);
        try
        {
            written.Flush(flushToDisk: true);
            File.Move(written.Name, target, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"dataset_cache_dir: the prepared rows could not be kept as {target}: {error.Message}; expected another folder, or none", error);
        }
        Trim(target, mostBytes);
    }

    /// <summary>Removes what <see cref="Begin"/> made, as if it had not been called.</summary>
    public void Forget(FileStream begun)
    {
        begun.Dispose();
        try
        {
            File.Delete(begun.Name);
            // Not where somebody else has put something there meanwhile.
            if (_isNew) Directory.Delete(path, recursive: false);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The next one who makes rows removes it.
        }
    }

    private void Trim(string newest, long mostBytes)
    {
        try
        {
            foreach (var file in Superfluous(newest, mostBytes)) file.Delete();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Somebody else is at it, or it goes another time.
        }
    }

    private List<FileInfo> Superfluous(string newest, long mostBytes)
    {
        var files = new DirectoryInfo(path).EnumerateFiles($"*{Kept}*").ToLookup(file => file.Extension == Kept);
        var now = clock.GetUtcNow().UtcDateTime;
        List<FileInfo> superfluous = [.. files[false].Where(aside => now - aside.LastWriteTimeUtc > Abandoned)];
        var sum = new FileInfo(newest).Length;
        foreach (var file in files[true].Where(file => file.FullName != newest).OrderByDescending(file => file.LastWriteTimeUtc))
            if ((sum += file.Length) > mostBytes) superfluous.Add(file);
        return superfluous;
    }
}
