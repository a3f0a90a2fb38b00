using Zephyr.Runtime;

namespace Zephyr.Tests.Feedback.Audit;

/// <summary>Prompts of which some are alike, and which ones are by comparing all with all.</summary>
internal static class PromptFamilies
{
    /// <summary>Families of texts that differ from their first one by some words.</summary>
    public static List<string> Random(SeededRandom random, int families, int size)
    {
        var prompts = new List<string>();
        for (var family = 0; family < families; family++)
        {
            string[] first = [.. Enumerable.Range(0, 12 + random.NextInt(80)).Select(_ => $"w{random.NextInt(400)}")];
            for (var i = 0; i < size; i++)
            {
                var words = (string[])first.Clone();
                // Half of the families differ in their last words only, which few grams hold.
                for (var changes = random.NextInt(5); changes > 0; changes--) words[random.NextInt(words.Length) is var at && family % 2 == 0 ? at : ^1] = $"w{random.NextInt(400)}";
                prompts.Add(string.Join(' ', words) + (random.NextInt(2) == 0 ? "." : ""));
            }
        }
        return prompts;
    }

    /// <summary>Of each prompt the number of its group.</summary>
    public static int[] GroupsOf(IReadOnlyList<string> prompts, double threshold)
    {
        var grams = prompts.Select(prompt => prompt.TrimEnd('.').Split(' ')).Select(words => Enumerable.Range(0, words.Length - 4).Select(i => string.Join(' ', words[i..(i + 5)])).ToHashSet()).ToList();
        int[] group = [.. Enumerable.Range(0, prompts.Count)];
        for (var i = 0; i < prompts.Count; i++)
            for (var j = i + 1; j < prompts.Count; j++)
                if (group[i] != group[j] && (double)grams[i].Intersect(grams[j]).Count() / grams[i].Union(grams[j]).Count() >= threshold)
                    group = [.. group.Select(number => number == group[j] ? group[i] : number)];
        return group;
    }
}
