using Zephyr.Runtime;

namespace Zephyr.Feedback.Judging;

/// <summary>
/// The rubrics of a run: the project's own, and in their place those of a folder that the user names. A file of the folder
/// takes the place of the built-in one of its name; <c>aspect_NAME.txt</c> adds an aspect.
/// </summary>
public sealed class RubricSet
{
    /// <summary>Names of the rubrics beside the aspects'.</summary>
    public const string Overall = "overall", Pairwise = "pairwise", Correction = "correction", Grade = "grade", GradeWithReference = "grade_reference",
        GradeSecondTurn = "grade_second_turn", GradeSecondTurnWithReference = "grade_second_turn_reference";

    private const string Resources = "rubrics/", Ending = ".txt", AspectStart = "aspect_", Kind = "rubric";

    // No question is as long; a wrong path must not fill the memory.
    private const int MostBytes = 1 << 20;

    private static readonly RubricPlaceholders Aspect = new(["prompt", "answers", "code", "form"], "count");

    private static readonly Dictionary<string, RubricPlaceholders> Others = new()
    {
        [Overall] = new(["prompt", "answer", "code", "form"]),
        [Pairwise] = new(["prompt", "answer_a", "answer_b", "code", "form"]),
        [Grade] = new(["prompt", "answer", "code", "form"]),
        [GradeWithReference] = new(["prompt", "reference", "answer", "code", "form"]),
        [GradeSecondTurn] = new(["prompt_1", "answer_1", "prompt_2", "answer_2", "code", "form"]),
        [GradeSecondTurnWithReference] = new(["prompt_1", "reference_1", "answer_1", "prompt_2", "reference_2", "answer_2", "code", "form"]),
        [Correction] = new(["problem", "form"]),
    };

    private readonly Dictionary<string, Rubric> _rubrics;
    private readonly string? _folder;

    private RubricSet(Dictionary<string, Rubric> rubrics, string? folder) => (_rubrics, _folder) = (rubrics, folder);

    /// <summary>The built-in rubrics.</summary>
    public static RubricSet Default { get; } = new(BuiltIn().ToDictionary(file => file.Name, file => Read($"{file.Name}{Ending}", file.Name, file.Text)), null);

    /// <summary>The aspects that there are rubrics for, in ordinal order.</summary>
    public IReadOnlyList<string> Aspects =>
        [.. _rubrics.Keys.Where(IsAspect).Select(name => name[AspectStart.Length..]).Order(StringComparer.Ordinal)];

    /// <summary>The rubrics of a folder, and the built-in ones that it has no file for.</summary>
    /// <param name="folder">Its .txt files are read, all of which must be rubrics; null for the built-in ones.</param>
    /// <exception cref="UserErrorException">There is no such folder, or a file in it is no rubric: named with its line.</exception>
    public static RubricSet Load(string? folder)
    {
        if (folder is null) return Default;
        if (!Directory.Exists(folder))
            throw new UserErrorException($"rubrics {folder}: {(File.Exists(folder) ? "found a file" : "there is no such folder")}, expected a folder of rubrics (*{Ending})");
        string[] files = [.. Directory.EnumerateFiles(folder, "*" + Ending).Order(StringComparer.Ordinal)];
        if (files.Length == 0) throw new UserErrorException($"rubrics {folder}: found no {Ending} file, expected at least one rubric ({string.Join(", ", BuiltIn().Select(file => file.Name + Ending))})");
        var rubrics = new Dictionary<string, Rubric>(Default._rubrics);
        foreach (var file in files)
        {
            var name = Path.GetFileNameWithoutExtension(file);
            rubrics[name] = Read(file, name, UserFile.ReadText(file, Kind, MostBytes));
        }
        return new(rubrics, folder);
    }

    /// <summary>Writes the built-in rubrics to a folder, to be edited.</summary>
    /// <param name="folder">It is made where it is not there.</param>
    /// <returns>The files.</returns>
    /// <exception cref="UserErrorException">One of the files is there already, or it cannot be written.</exception>
    public static IReadOnlyList<string> WriteDefaults(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var files = BuiltIn().Select(file => (Path: Path.Combine(folder, file.Name + Ending), file.Text)).ToList();
        if (files.FirstOrDefault(file => Path.Exists(file.Path)).Path is { } there)
            throw new UserErrorException($"{there}: is there already, expected a folder without rubrics: an edited one is not overwritten");
        try
        {
            Directory.CreateDirectory(folder);
            foreach (var (path, text) in files) WholeFile.Write(path, text);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{folder}: the rubrics cannot be written: {error.Message}", error);
        }
        return files.ConvertAll(file => file.Path);
    }

    /// <summary>The rubric of an aspect.</summary>
    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public Rubric OfAspect(string aspect) => _rubrics.GetValueOrDefault(AspectStart + aspect)
        ?? throw new UserErrorException($"aspects: there is no rubric {AspectStart}{aspect}{Ending} {(_folder is null ? "among the built-in ones" : $"in {_folder}")}, "
            + $"expected {string.Join(", ", Aspects)}, or the key 'rubrics' to name a folder with that file");

    /// <summary>The rubric of one of the names above.</summary>
    internal Rubric this[string name] => _rubrics[name];

    private static bool IsAspect(string name) => name.StartsWith(AspectStart, StringComparison.Ordinal) && name.Length > AspectStart.Length;

    private static Rubric Read(string place, string name, string text)
    {
        var placeholders = IsAspect(name) ? Aspect : Others.GetValueOrDefault(name)
            ?? throw new UserErrorException($"{place}: found a rubric of no known name, expected {AspectStart}NAME{Ending}, {string.Join(", ", Others.Keys.Order(StringComparer.Ordinal).Select(known => known + Ending))}");
        return Rubric.Parse(place, name, text, placeholders);
    }

    private static IEnumerable<(string Name, string Text)> BuiltIn()
    {
        var assembly = typeof(RubricSet).Assembly;
        foreach (var resource in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Resources, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
            yield return (resource[Resources.Length..^Ending.Length], reader.ReadToEnd());
        }
    }
}
