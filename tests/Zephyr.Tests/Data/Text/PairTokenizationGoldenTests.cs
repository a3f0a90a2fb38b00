using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;

namespace Zephyr.Tests.Data.Text;

/// <summary>
/// All real pairs in the three ways, against ids made from Hugging Face's tokenizer by Golden/pairs/make_pair_ids.py, whose handbook
/// part gave the very ids of TRL 0.7.7's own tokenize_row for 800 of these pairs.
/// </summary>
public sealed class PairTokenizationGoldenTests
{
    private static readonly Lazy<JsonDocument> Golden = new(() => JsonDocument.Parse(
        File.ReadAllBytes(Path.Combine(SharedFolder.RepositoryRoot, "tests", "Zephyr.Tests", "Golden", "pairs", "pair_ids.json"))));

    private static readonly Lazy<MistralTokenizer> Mistral =
        new(() => MistralTokenizer.Load(SharedFolder.PathOf("golden/tokenizer/mistral-7b-v0.1.tokenizer.model")));

    public static TheoryData<string> Cases => [.. Golden.Value.RootElement.GetProperty("results").EnumerateObject().Select(result => result.Name)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Real_pairs_have_the_ids_of_the_other_programs(string name)
    {
        var (file, mode, truncation) = name.Split(' ') is [var a, var b, var c] ? (a, b, c) : throw new FormatException(name);
        var (limit, promptLimit) = (Golden.Value.RootElement.GetProperty("max_length").GetInt32(), Golden.Value.RootElement.GetProperty("max_prompt_length").GetInt32());
        var pairs = Tokenize(file, new PairTokenizer(Mistral.Value, limit, promptLimit, truncation, insertSystem: false, mode), out var rows, out var withoutAnswer);
        var kept = pairs.Where(pair => !pair.IsCutAway).ToList();

        Assert.All(kept, pair => RequireBounds(pair, rows[pair.Location], mode, limit));
        var expected = Golden.Value.RootElement.GetProperty("results").GetProperty(name);
        int Count(string count) => expected.GetProperty(count).GetInt32();
        Assert.Equal((Count("without_answer"), Count("dropped"), Count("pairs")), (withoutAnswer, pairs.Count - kept.Count, kept.Count));
        Assert.Equal(Count("tokens"), kept.Sum(pair => pair.PromptIds.Length + pair.ChosenIds.Length + pair.RejectedIds.Length));
        Assert.Equal(expected.GetProperty("sha256").GetString(), HashOf(kept));
    }

    /// <summary>What holds of any pair: it fits; an answer that is whole has every &lt;/s&gt; that its way gives it, and a cut one lost its last.</summary>
    private static void RequireBounds(TokenizedPair pair, PreferencePair row, string mode, int limit)
    {
        foreach (var (turns, ids, whole) in new[] { (row.Chosen, pair.ChosenIds, pair.Whole.Chosen), (row.Rejected, pair.RejectedIds, pair.Whole.Rejected) })
        {
            Assert.InRange(pair.PromptIds.Length + ids.Length, 2, limit);
            Assert.InRange(ids.Length, 1, whole);
            // Each turn has one, the handbook's way one more; three of these rows write the mark in their text, where it counts as one everywhere.
            var expected = turns.Sum(turn => 1 + turn.Content.Split(MistralTokenizer.Eos).Length - 1) + (mode == "handbook-v0.3" ? 1 : 0);
            var ends = ids.Count(id => id == Mistral.Value.EosId);
            if (ids.Length == whole) Assert.Equal(expected, ends);
            else Assert.InRange(ends, 0, mode == "trl" ? expected : expected - 1);
        }
        var starts = pair.PromptIds.Count(id => id == Mistral.Value.BosId);
        if (mode == "trl") Assert.Equal(0, starts);
        if (mode == "zephyr") Assert.Equal((1, Mistral.Value.BosId), (starts, pair.PromptIds[0]));
    }

    private static List<TokenizedPair> Tokenize(string file, PairTokenizer tokenizer, out Dictionary<RowLocation, PreferencePair> rows, out int withoutAnswer)
    {
        (rows, withoutAnswer) = ([], 0);
        var pairs = new List<TokenizedPair>();
        foreach (var row in PreferenceSchema.Read([SharedFolder.PathOf($"data/preference/{file}.jsonl")]))
        {
            try
            {
                pairs.Add(tokenizer.Tokenize(row));
                rows.Add(row.Location, row);
            }
            catch (BadRowException error)
            {
                Assert.Contains("an empty answer", error.Message, StringComparison.Ordinal);
                withoutAnswer++;
            }
        }
        return pairs;
    }

    private static string HashOf(IEnumerable<TokenizedPair> pairs)
    {
        var text = string.Concat(pairs.Select(pair => string.Join('|', new[] { pair.PromptIds, pair.ChosenIds, pair.RejectedIds }.Select(ids => string.Join(',', ids))) + "\n"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(text)));
    }
}
