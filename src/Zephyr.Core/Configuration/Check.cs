using System.Text.RegularExpressions;

namespace Zephyr.Configuration;

/// <summary>The few checks that option groups are made of; each yields nothing or one problem in the user's words.</summary>
internal static class Check
{
    public static IEnumerable<ConfigProblem> OneOf(string key, string value, params string[] allowed)
    {
        if (!allowed.Contains(value)) yield return new(key, $"must be {Join(allowed)} (was {value})");
    }

    public static IEnumerable<ConfigProblem> Positive(string key, double value)
    {
        if (!(value > 0) || double.IsInfinity(value)) yield return new(key, $"must be > 0 (was {value})");
    }

    public static IEnumerable<ConfigProblem> AtLeast(string key, double value, double least)
    {
        if (!(value >= least) || double.IsInfinity(value)) yield return new(key, $"must be at least {least} (was {value})");
    }

    public static IEnumerable<ConfigProblem> InRange(string key, double value, double least, double most)
    {
        if (!(value >= least && value <= most)) yield return new(key, $"must be from {least} to {most} (was {value})");
    }

    public static IEnumerable<ConfigProblem> Matches(string key, string value, string pattern, string expected)
    {
        if (!Regex.IsMatch(value, pattern)) yield return new(key, $"must be {expected} (was {value})");
    }

    /// <summary>Files are read once however often a list names them, so that a repetition asks for something that would not happen.</summary>
    public static IEnumerable<ConfigProblem> NamedOnce(string key, IReadOnlyList<string> names) => names.GroupBy(name => name).Where(same => same.Count() > 1)
        .Select(same => new ConfigProblem(key, $"{same.Key} is named twice, and every file is read once: name it once"));

    /// <summary>"a", "a or b", "a, b or c".</summary>
    public static string Join(string[] words, string last = "or") =>
        words.Length == 1 ? words[0] : $"{string.Join(", ", words[..^1])} {last} {words[^1]}";
}
