using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Text;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>Preference pairs to token ids, with a line that says what was cut.</summary>
internal static class PairRows
{
    /// <summary>Tokenizes the rows as they stream in.</summary>
    /// <param name="what">training or held-out, for the messages.</param>
    /// <param name="rows">The pairs; at least one.</param>
    /// <param name="bad">What a pair does that cannot be tokenized.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="options">Lengths and truncation.</param>
    /// <param name="insertSystem">Insert an empty system turn where there is none.</param>
    /// <param name="note">Takes the line.</param>
    /// <param name="cancellation">Ends it between two rows.</param>
    /// <exception cref="UserErrorException">A bad row, or an answer that would never end.</exception>
    public static List<TokenizedPair> Tokenize(string what, IEnumerable<PreferencePair> rows, BadRows bad, MistralTokenizer tokenizer, DpoOptions options,
        bool insertSystem, Action<string> note, CancellationToken cancellation)
    {
        var tokenize = new PairTokenizer(tokenizer, options.MaxLength, options.MaxPromptLength, options.TruncationMode, insertSystem);
        var pairs = bad.Select(rows.Until(cancellation), tokenize.Tokenize).ToList();
        var report = tokenize.Report;
        RequireEnds(pairs, report, tokenizer.EosId);
        note($"{what} data: {pairs.Count} pairs; {report.PromptsCut} prompts cut to {options.MaxPromptLength} tokens, {report.ChosenCut} chosen and "
            + $"{report.RejectedCut} rejected answers cut to fit {options.MaxLength} (these end without </s>), {report.TokensCut} tokens in all; "
            + $"{pairs.Count(pair => pair.ChosenIds.AsSpan().SequenceEqual(pair.RejectedIds))} pairs with equal answers"
            + (tokenize.Skipped.Describe() is { } skipped ? "; " + skipped : ""));
        return pairs;
    }

    /// <summary>What a held-out pair may not share with a training one: everything before the answer.</summary>
    public static string PromptOf(PreferencePair pair) => string.Join("\n", pair.Prompt.Select(message => $"{message.Role}: {message.Content}"));

    /// <summary>Every answer that was not cut ends in a supervised &lt;/s&gt;, or the model would learn never to stop.</summary>
    private static void RequireEnds(List<TokenizedPair> pairs, TruncationReport report, int endId)
    {
        var open = pairs.Count(pair => pair.ChosenIds[^1] != endId) + pairs.Count(pair => pair.RejectedIds[^1] != endId);
        if (open > report.ChosenCut + report.RejectedCut)
            throw new UserErrorException($"{open} answers end without </s> but only {report.ChosenCut + report.RejectedCut} were cut: "
                + "the tokenizer does not give </s> as one token");
    }
}
