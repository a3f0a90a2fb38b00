namespace Zephyr.Data.Text;

/// <summary>Turns that the chat template leaves out because it does not know their role, by role. May be used from several threads.</summary>
public sealed class SkippedTurns
{
    private readonly SortedDictionary<string, long> _byRole = new(StringComparer.Ordinal);

    /// <summary>How many, in all.</summary>
    public long Total
    {
        get
        {
            lock (_byRole) return _byRole.Values.Sum();
        }
    }

    /// <summary>For a note: "3 turns left out whose role the chat template does not know (function 1, tool 2)"; null where there is none.</summary>
    public string? Describe()
    {
        lock (_byRole)
        {
            if (_byRole.Count == 0) return null;
            var total = _byRole.Values.Sum();
            return $"{total} {(total == 1 ? "turn" : "turns")} left out whose role the chat template does not know "
                + $"({string.Join(", ", _byRole.Select(role => $"{role.Key} {role.Value}"))})";
        }
    }

    internal void Count(IEnumerable<ChatMessage> messages)
    {
        foreach (var message in messages)
        {
            if (ZephyrTemplate.Knows(message.Role)) continue;
            lock (_byRole) _byRole[message.Role] = _byRole.GetValueOrDefault(message.Role) + 1;
        }
    }
}
