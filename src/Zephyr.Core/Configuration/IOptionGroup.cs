namespace Zephyr.Configuration;

/// <summary>One thing that is wrong with a configuration. A run reports all of them at once.</summary>
/// <param name="Key">The key in snake_case.</param>
/// <param name="Message">What is wrong and what would be right: "must be &gt; 0 (was -1)".</param>
public sealed record ConfigProblem(string Key, string Message);

/// <summary>A group of keys that belong together and can check themselves.</summary>
public interface IOptionGroup
{
    /// <summary>Every problem with the values of this group, in the order of the keys.</summary>
    IEnumerable<ConfigProblem> Validate();
}
