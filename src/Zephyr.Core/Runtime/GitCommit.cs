namespace Zephyr.Runtime;

/// <summary>Which commit a folder stands at, read from the files of its .git: there need be no git on the machine.</summary>
internal static class GitCommit
{
    /// <summary>The commit of the repository that a folder is in; null where it is in none, or nothing was committed. Whether files were changed since is not told.</summary>
    public static string? Of(string folder)
    {
        try
        {
            for (var at = Path.GetFullPath(folder); at is not null; at = Path.GetDirectoryName(at))
                if (Path.Combine(at, ".git") is var git && Path.Exists(git)) return CommitIn(File.Exists(git) ? Linked(git) : git);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Another user's, or half written: then the commit is not known.
        }
        return null;
    }

    /// <summary>Of a further working tree or a submodule: the file names the folder.</summary>
    private static string Linked(string file) =>
        Path.Combine(Path.GetDirectoryName(file)!, Behind("gitdir:", File.ReadLines(file).FirstOrDefault() ?? "") ?? "");

    private static string? CommitIn(string git)
    {
        var head = File.ReadAllText(Path.Combine(git, "HEAD")).Trim();
        if (Behind("ref:", head) is not { } name) return Hash(head);
        // A further working tree shares the branches of the first one.
        var common = Path.Combine(git, "commondir");
        var shared = File.Exists(common) ? Path.Combine(git, File.ReadAllText(common).Trim()) : git;
        if (Path.Combine(shared, name) is var loose && File.Exists(loose)) return Hash(File.ReadAllText(loose).Trim());
        var packed = Path.Combine(shared, "packed-refs");
        return File.Exists(packed)
            ? File.ReadLines(packed).Select(line => line.Split(' ')).Where(parts => parts.Length == 2 && parts[1] == name).Select(parts => Hash(parts[0])).FirstOrDefault()
            : null;
    }

    private static string? Behind(string prefix, string line) => line.StartsWith(prefix, StringComparison.Ordinal) ? line[prefix.Length..].Trim() : null;

    private static string? Hash(string text) => text.Length is 40 or 64 && text.All(char.IsAsciiHexDigitLower) ? text : null;
}
