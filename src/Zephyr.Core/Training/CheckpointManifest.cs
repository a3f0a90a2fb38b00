using System.Text.Json;
using System.Text.Json.Nodes;
using Zephyr.Runtime;

namespace Zephyr.Training;

/// <summary>
/// manifest.json of a checkpoint: name, length and SHA-256 of every other file. It is written last; what it does not fit is torn or altered, and no run
/// goes on from it.
/// </summary>
internal static class CheckpointManifest
{
    /// <summary>Its name in the checkpoint.</summary>
    public const string FileName = "manifest.json";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>Describes the files that are there.</summary>
    /// <exception cref="IOException">One cannot be read, or the manifest not be written.</exception>
    public static void Write(string folder)
    {
        var files = new JsonObject();
        foreach (var path in Directory.EnumerateFiles(folder).Where(path => Path.GetFileName(path) != FileName).Order(StringComparer.Ordinal))
            files[Path.GetFileName(path)] = new JsonObject { ["bytes"] = new FileInfo(path).Length, ["sha256"] = HashOf(path, default) };
        File.WriteAllText(Path.Combine(folder, FileName), new JsonObject { ["files"] = files }.ToJsonString(Indented) + "\n");
    }

    /// <summary>Whether every file is there in its length: what tearing leaves seldom is. No content is read.</summary>
    public static bool LooksWhole(string folder) => !LengthProblems(folder, Read(folder, out var problem), problem).Any();

    /// <summary>What is wrong with a checkpoint, as clauses that name the file; none where every byte is what was written. Each file is read once.</summary>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="cancellation">Ends the reading of large files.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IEnumerable<string> Problems(string folder, CancellationToken cancellation)
    {
        var files = Read(folder, out var problem);
        var torn = LengthProblems(folder, files, problem).ToList();
        return torn.Count > 0 ? torn : ContentProblems(folder, files!, cancellation);
    }

    private static IEnumerable<string> LengthProblems(string folder, Dictionary<string, (long Bytes, string Hash)>? files, string? problem)
    {
        if (files is null) return [problem!];
        return files.Select(file => (file.Key, file.Value.Bytes, Found: new FileInfo(Path.Combine(folder, file.Key))))
            .Where(file => !file.Found.Exists || file.Found.Length != file.Bytes)
            .Select(file => file.Found.Exists ? $"{file.Key} has {file.Found.Length} bytes and had {file.Bytes}" : $"{file.Key} is missing");
    }

    private static IEnumerable<string> ContentProblems(string folder, Dictionary<string, (long Bytes, string Hash)> files, CancellationToken cancellation)
    {
        foreach (var (name, (_, hash)) in files)
        {
            string? problem = null;
            try
            {
                if (HashOf(Path.Combine(folder, name), cancellation) is var found && found != hash)
                    problem = $"the content of {name} is not what was written (SHA-256 {found[..12]}..., was {hash[..12]}...)";
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                problem = $"{name} cannot be read: {error.Message}";
            }
            if (problem is not null) yield return problem;
        }
    }

    private static string HashOf(string path, CancellationToken cancellation)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 0, FileOptions.SequentialScan);
        return Convert.ToHexStringLower(FileHashes.Of(file, long.MaxValue, cancellation));
    }

    private static Dictionary<string, (long Bytes, string Hash)>? Read(string folder, out string? problem)
    {
        var path = Path.Combine(folder, FileName);
        problem = null;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var files = json.RootElement.GetProperty("files").EnumerateObject()
                .ToDictionary(file => file.Name, file => (file.Value.GetProperty("bytes").GetInt64(), file.Value.GetProperty("sha256").GetString()!));
            // The state says where the run stood: without it nothing can go on. A name that leads elsewhere was not written here.
            if (files.ContainsKey(TrainingState.FileName) && files.All(file => Path.GetFileName(file.Key) == file.Key && file.Value.Item2 is { Length: 64 })) return files;
            problem = $"{FileName} does not describe a checkpoint";
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            problem = $"{FileName} is missing, which is written last";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            problem = $"{FileName} cannot be read: {error.Message}";
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            problem = $"{FileName} is torn or altered";
        }
        return null;
    }
}
