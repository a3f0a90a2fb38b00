using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Pipeline;

namespace Zephyr.Tests.Data.Text;

/// <summary>docs/tokenization.md shows ids of real rows: these ones.</summary>
public sealed class TokenizationPageTests
{
    private static readonly string[] Ways = ["zephyr", "handbook-v0.3", "trl"];

    [Fact]
    public void The_same_pair_three_times()
    {
        var tokenizer = Mistral();
        string Line(string name, int[] ids) => $"    {name,-9} {string.Join(' ', ids.Select(tokenizer.Piece))}";
        RequireOnPage(string.Join("\n\n", Ways.Select(way =>
        {
            var pair = Tokenize(tokenizer, way, 1024, 512, [192]).Single();
            return string.Join('\n', [$"    {way}", Line("prompt", pair.PromptIds), Line("chosen", pair.ChosenIds), Line("rejected", pair.RejectedIds)]);
        })));
    }

    [Fact]
    public void What_is_cut()
    {
        var tokenizer = Mistral();
        int[] lines = [192, 227, 313];
        var table = new List<string> { "| line | way | whole | kept |", "|---|---|---|---|" };
        foreach (var line in lines)
            table.AddRange(Ways.Select(way =>
            {
                var pair = Tokenize(tokenizer, way, 512, 256, [line]).Single();
                var kept = pair.IsCutAway ? "dropped" : $"{pair.PromptIds.Length} / {pair.ChosenIds.Length} / {pair.RejectedIds.Length}";
                return $"| {line} | `{way}` | {pair.Whole.Prompt} / {pair.Whole.Chosen} / {pair.Whole.Rejected} | {kept} |";
            }));
        RequireOnPage(string.Join('\n', table));
    }

    [Fact]
    public void The_length_report() => RequireOnPage(string.Join("\n\n", Ways.Select(way =>
    {
        var pairs = Tokenize(Mistral(), way, 1024, 512, null);
        var kept = pairs.Where(pair => !pair.IsCutAway).ToList();
        return $"    {way}: {kept.Count} pairs, {pairs.Count - kept.Count} dropped\n" + string.Join('\n', PairRows.LengthsOf("training", kept).Lines.Select(line => "    " + line));
    })));

    private static MistralTokenizer Mistral() => MistralTokenizer.Load(SharedFolder.PathOf("golden/tokenizer/mistral-7b-v0.1.tokenizer.model"));

    /// <summary>The rows of some lines; of all lines whose answers are not empty, where none are named.</summary>
    private static List<TokenizedPair> Tokenize(MistralTokenizer tokenizer, string way, int maxLength, int maxPromptLength, int[]? lines)
    {
        var tokenize = new PairTokenizer(tokenizer, maxLength, maxPromptLength, way == "trl" ? "keep_start" : "keep_end", insertSystem: false, way);
        return [.. PreferenceSchema.Read([SharedFolder.PathOf("data/preference/ultrafeedback_trl_train_1000.jsonl")])
            .Where(row => lines?.Contains((int)row.Location.Number) ?? (row.Chosen[0].Content.Length > 0 && row.Rejected[0].Content.Length > 0))
            .Select(tokenize.Tokenize)];
    }

    private static void RequireOnPage(string block)
    {
        var page = File.ReadAllText(Path.Combine(SharedFolder.RepositoryRoot, "docs", "tokenization.md"));
        Assert.True(page.Contains(block, StringComparison.Ordinal), $"docs/tokenization.md should hold\n{block}");
    }
}
