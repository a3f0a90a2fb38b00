using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Prepared;

/// <summary>Rows of every shape that there is, and their equality.</summary>
internal static class RandomRows
{
    public static readonly string[] Files = ["a.jsonl", "b.parquet", "c.jsonl"];

    public static List<TokenSequence> Sequences(int count, int vocabulary, long seed = 1) => [.. Stream(count, vocabulary, seed)];

    public static IEnumerable<TokenSequence> Stream(int count, int vocabulary, long seed = 1)
    {
        var random = new SeededRandom(seed);
        return Enumerable.Range(0, count).Select(_ => TokenSequence.OfDocuments([.. Enumerable.Range(0, 1 + random.NextInt(3)).Select(_ => Document(random, vocabulary))]));
    }

    public static List<TokenizedPair> Pairs(int count, int vocabulary, long seed = 1)
    {
        var random = new SeededRandom(seed);
        return [.. Enumerable.Range(0, count).Select(i => new TokenizedPair(new(Files[random.NextInt(3)], 1L + i * 7_000_000_000, random.NextInt(2) == 0),
            Ids(random, vocabulary), Ids(random, vocabulary), Ids(random, vocabulary), new(random.NextInt(9000), random.NextInt(9000), random.NextInt(9000))))];
    }

    public static void Equal(IEnumerable<TokenSequence> expected, IEnumerable<TokenSequence> actual) =>
        Assert.Equal(expected.Select(row => (Text(row.Ids), Text(row.Supervised), Text(row.DocumentOffsets))),
            actual.Select(row => (Text(row.Ids), Text(row.Supervised), Text(row.DocumentOffsets))));

    public static void Equal(IEnumerable<TokenizedPair> expected, IEnumerable<TokenizedPair> actual) =>
        Assert.Equal(expected.Select(row => (row.Location, Text(row.PromptIds), Text(row.ChosenIds), Text(row.RejectedIds), row.Whole)),
            actual.Select(row => (row.Location, Text(row.PromptIds), Text(row.ChosenIds), Text(row.RejectedIds), row.Whole)));

    private static TokenSequence Document(SeededRandom random, int vocabulary)
    {
        var ids = Ids(random, vocabulary);
        return new(ids, random.NextInt(2) == 0 ? null : [.. ids.Select(_ => random.NextInt(2) == 0)]);
    }

    private static int[] Ids(SeededRandom random, int vocabulary) => [.. Enumerable.Range(0, 1 + random.NextInt(40)).Select(_ => random.NextInt(vocabulary))];

    private static string Text<T>(IEnumerable<T>? items) => items is null ? "none" : string.Join(',', items);
}
