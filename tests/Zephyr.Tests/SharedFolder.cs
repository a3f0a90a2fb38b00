namespace Zephyr.Tests;

/// <summary>
/// The folder of reference data (golden numbers, real rows) that stands beside a developer's checkout.
/// A stranger's clone does not have it: tests that need it are skipped with a message.
/// </summary>
internal static class SharedFolder
{
    private static readonly Lazy<string?> Root = new(Find);

    /// <summary>The full path of a file or folder in it; skips the calling test where it is absent.</summary>
    public static string PathOf(string relative)
    {
        Assert.SkipWhen(Root.Value is null, "needs the reference data in ../shared, which is not here");
        var path = Path.Combine(Root.Value!, relative);
        Assert.SkipWhen(!Path.Exists(path), $"needs ../shared/{relative}, which is not here");
        return path;
    }

    /// <summary>The full path of a file or folder in it; null where it is absent.</summary>
    public static string? Find(string relative) => Root.Value is { } root && Path.Combine(root, relative) is var path && Path.Exists(path) ? path : null;

    /// <summary>The root of this repository: the folder that holds Zephyr.sln.</summary>
    public static string RepositoryRoot { get; } = FindUp(AppContext.BaseDirectory, "Zephyr.sln")
        ?? throw new InvalidOperationException("the tests must run from inside the repository");

    private static string? Find()
    {
        var path = Environment.GetEnvironmentVariable("ZEPHYR_SHARED") ?? Path.Combine(RepositoryRoot, "..", "shared");
        return Directory.Exists(path) ? Path.GetFullPath(path) : null;
    }

    private static string? FindUp(string start, string file)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, file))) return folder.FullName;
        return null;
    }
}
