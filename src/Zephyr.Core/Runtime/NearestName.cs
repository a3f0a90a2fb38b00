namespace Zephyr.Runtime;

/// <summary>Finds the name that a mistyped one was probably meant to be.</summary>
public static class NearestName
{
    /// <summary>The nearest of <paramref name="known"/>, or null where none is near enough to be worth suggesting.</summary>
    /// <param name="word">What was typed.</param>
    /// <param name="known">What could have been typed.</param>
    public static string? Find(string word, IEnumerable<string> known)
    {
        var plain = Normalise(word);
        // Beyond a third of its letters a suggestion is a guess, and a wrong guess costs more than none.
        var furthest = Math.Max(1, plain.Length / 3);
        return known
            .Select(name => (Name: name, Distance: Distance(plain, Normalise(name))))
            .Where(candidate => candidate.Distance <= furthest)
            .OrderBy(candidate => candidate.Distance)
            .ThenBy(candidate => candidate.Name, StringComparer.Ordinal)
            .Select(candidate => candidate.Name)
            .FirstOrDefault();
    }

    /// <summary>Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.</summary>
    internal static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++) rows[i, 0] = i;
        for (var j = 0; j <= b.Length; j++) rows[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
            for (var j = 1; j <= b.Length; j++)
            {
                var substitution = rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(substitution, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }

        return rows[a.Length, b.Length];
    }

    private static string Normalise(string name) => name.TrimStart('-').Replace('-', '_').ToLowerInvariant();
}
