using Zephyr.Runtime;

namespace Zephyr.Configuration;

/// <summary>One problem and where it stands.</summary>
/// <param name="File">The YAML file; null for the command line.</param>
/// <param name="Line">The 1-based line in it; null where the problem is what is not there.</param>
/// <param name="Key">The key as it was written; empty for the file as a whole.</param>
/// <param name="Message">What was found and what was expected.</param>
public sealed record LocatedProblem(string? File, int? Line, string Key, string Message)
{
    /// <summary>"configs/sft.yaml:12: learning_rate: must be &gt; 0 (was -1)".</summary>
    public override string ToString()
    {
        var place = (File, Line) switch
        {
            (null, _) => "",
            (_, null) => $"{File}: ",
            _ => $"{File}:{Line}: ",
        };
        return place + (Key.Length > 0 ? $"{Key}: {Message}" : Message);
    }
}

/// <summary>Everything that is wrong with a configuration, one line a problem.</summary>
public sealed class ConfigException : UserErrorException
{
    /// <param name="problems">At least one; they are sorted as a reader meets them: by line, then what the file lacks, then options.</param>
    public ConfigException(IEnumerable<LocatedProblem> problems) : this(Sort(problems)) { }

    private ConfigException(LocatedProblem[] sorted)
        : base(string.Join('\n', sorted.Select(problem => problem.ToString()))) => Problems = sorted;

    /// <summary>The problems in the order of the message's lines.</summary>
    public IReadOnlyList<LocatedProblem> Problems { get; }

    /// <summary>A file that is no config at all has a problem a line; nobody reads more than these.</summary>
    private const int MostProblems = 100, LongestMessage = 1000;

    private static LocatedProblem[] Sort(IEnumerable<LocatedProblem> problems)
    {
        LocatedProblem[] sorted = [.. problems.OrderBy(problem => problem.File is null).ThenBy(problem => problem.Line ?? int.MaxValue)
            .Select(problem => problem with { Key = Shortened(problem.Key, 200), Message = Shortened(problem.Message, LongestMessage) })];
        return sorted.Length <= MostProblems ? sorted
            : [.. sorted.Take(MostProblems), new(sorted[MostProblems].File, sorted[MostProblems].Line, "", $"here and below, {sorted.Length - MostProblems} more problems")];
    }
}
