namespace Zephyr.Runtime;

/// <summary>The user's own cache folder: what may be deleted at any time and is made again.</summary>
internal static class UserCache
{
    /// <summary>A folder or program of the user's alone.</summary>
    public const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>$XDG_CACHE_HOME/zephyr, or ~/.cache/zephyr. It need not exist.</summary>
    public static string Folder
    {
        get
        {
            var home = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            // The XDG specification says to ignore a relative path.
            if (!Path.IsPathRooted(home)) home = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            return Path.GetFullPath(Path.Combine(home, "zephyr"));
        }
    }

    /// <summary>Makes it, for nobody else to enter.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be made, or is somebody else's.</exception>
    public static void Make()
    {
        Directory.CreateDirectory(Folder, OwnerOnly);
        File.SetUnixFileMode(Folder, OwnerOnly);
    }
}
