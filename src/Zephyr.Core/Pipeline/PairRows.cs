using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Text;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>Preference pairs to token ids, with lines that say how long they are and what was cut.</summary>
internal static class PairRows
{
    /// <summary>Tokenizes the rows as they stream in.</summary>
    /// <param name="what">training or held-out, for the messages.</param>
    /// <param name="rows">The pairs; at least one.</param>
    /// <param name="bad">What a pair does that cannot be tokenized.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="options">Lengths and truncation.</param>
    /// <param name="data">Empty system turns, and how many threads work.</param>
    /// <param name="note">Takes the lines.</param>
    /// <param name="cancellation">Ends it between two rows.</param>
    /// <exception cref="UserErrorException">A bad row, or nothing is left to learn from.</exception>
    public static List<TokenizedPair> Tokenize(string what, IEnumerable<PreferencePair> rows, BadRows bad, MistralTokenizer tokenizer, DpoOptions options,
        DataOptions data, Action<string> note, CancellationToken cancellation)
    {
        var tokenize = new PairTokenizer(tokenizer, options.MaxLength, options.MaxPromptLength, options.TruncationMode, data.AutoInsertEmptySystemMsg, options.Tokenization);
        var all = bad.Kept(rows.SelectOrdered(row => RowOutcome.Of(row, tokenize.Tokenize), data.DatasetNumProc, cancellation)).ToList();
        var pairs = all.Where(pair => !pair.IsCutAway).ToList();
        if (pairs.Count == 0 && all.Count > 0)
            throw new UserErrorException($"none of the {all.Count} {what} pairs has a prompt under max_length {options.MaxLength}, which has to hold prompt and answer");
        var lengths = LengthsOf(what, pairs);
        note($"{what} data: {pairs.Count} pairs; {lengths.Series[0].Cut} prompts cut{(options.Tokenization == "trl" ? "" : $" to {options.MaxPromptLength} tokens")}, "
            + $"{lengths.Series[1].Cut} chosen and {lengths.Series[2].Cut} rejected answers cut to fit {options.MaxLength}{(options.Tokenization == "zephyr" ? " (these end without </s>)" : "")}, "
            + $"{lengths.Series.Sum(one => one.TokensCut)} tokens in all; "
            + (all.Count > pairs.Count ? $"{all.Count - pairs.Count} dropped whose prompt alone fills {options.MaxLength}; " : "")
            + $"{pairs.Count(pair => pair.ChosenIds.AsSpan().SequenceEqual(pair.RejectedIds))} pairs with equal answers"
            + (tokenize.Skipped.Describe() is { } skipped ? "; " + skipped : ""));
        foreach (var line in lengths.Lines) note(line);
        return pairs;
    }

    /// <summary>What a held-out pair may not share with a training one: everything before the answer.</summary>
    public static string PromptOf(PreferencePair pair) => string.Join("\n", pair.Prompt.Select(message => $"{message.Role}: {message.Content}"));

    /// <summary>How long prompts and answers are, and what was cut off them.</summary>
    internal static LengthReport LengthsOf(string what, IReadOnlyList<TokenizedPair> pairs) => new(what,
        new LengthSeries("prompt", pairs.Select(pair => (pair.Whole.Prompt, pair.PromptIds.Length))),
        new LengthSeries("chosen", pairs.Select(pair => (pair.Whole.Chosen, pair.ChosenIds.Length))),
        new LengthSeries("rejected", pairs.Select(pair => (pair.Whole.Rejected, pair.RejectedIds.Length))));
}
