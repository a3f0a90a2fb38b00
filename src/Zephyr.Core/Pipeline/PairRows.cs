using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Text;
using Zephyr.Runtime;
using Zephyr.Training.Watchdogs;

namespace Zephyr.Pipeline;

/// <summary>Preference pairs to token ids, with lines that say how long they are and what was cut.</summary>
internal static class PairRows
{
    /// <summary>Tokenizes the rows as they stream in. The lines come after the last pair.</summary>
    /// <param name="what">training or held-out, for the messages.</param>
    /// <param name="rows">The pairs; at least one.</param>
    /// <param name="bad">What a pair does that cannot be tokenized.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="options">Lengths and truncation.</param>
    /// <param name="data">Empty system turns, and how many threads work.</param>
    /// <param name="note">Takes the lines.</param>
    /// <param name="cancellation">Ends it between two rows.</param>
    /// <exception cref="UserErrorException">A bad row, or nothing is left to learn from.</exception>
    public static IEnumerable<TokenizedPair> Tokenize(string what, IEnumerable<PreferencePair> rows, BadRows bad, MistralTokenizer tokenizer, DpoOptions options,
        DataOptions data, Action<string> note, CancellationToken cancellation)
    {
        var tokenize = new PairTokenizer(tokenizer, options.MaxLength, options.MaxPromptLength, options.TruncationMode, data.AutoInsertEmptySystemMsg, options.Tokenization);
        var lengths = Unmeasured(what);
        var (cutAway, equal) = (0, 0);
        var scores = new ScoreTally();
        foreach (var pair in bad.Kept(rows.Select(scores.Count).SelectOrdered(row => RowOutcome.Of(row, tokenize.Tokenize), data.DatasetNumProc, cancellation)))
        {
            if (pair.IsCutAway)
            {
                cutAway++;
                continue;
            }
            if (pair.ChosenIds.AsSpan().SequenceEqual(pair.RejectedIds)) equal++;
            Measure(lengths, pair);
            yield return pair;
        }
        var (prompts, chosen, rejected) = (lengths.Series[0], lengths.Series[1], lengths.Series[2]);
        if (prompts.Count == 0 && cutAway > 0)
            throw new UserErrorException($"none of the {cutAway} {what} pairs has a prompt under max_length {options.MaxLength}, which has to hold prompt and answer");
        note($"{what} data: {prompts.Count} pairs; {prompts.Cut} prompts cut{(options.Tokenization == "trl" ? "" : $" to {options.MaxPromptLength} tokens")}, "
            + $"{chosen.Cut} chosen and {rejected.Cut} rejected answers cut to fit {options.MaxLength}{(options.Tokenization == "zephyr" ? " (these end without </s>)" : "")}, "
            + $"{lengths.Series.Sum(one => one.TokensCut)} tokens in all; "
            + (cutAway > 0 ? $"{cutAway} dropped whose prompt alone fills {options.MaxLength}; " : "")
            + $"{equal} pairs with equal answers"
            + (tokenize.Skipped.Describe() is { } skipped ? "; " + skipped : ""));
        if (scores.Describe(what) is { } equalScores) note(equalScores);
        foreach (var line in lengths.Lines) note(line);
    }

    /// <summary>Names the pairs from which nothing can be learnt about preferences, as chosen and rejected are the same; null where there are none.</summary>
    public static string? EqualAnswers(IReadOnlyList<TokenizedPair> pairs)
    {
        List<int> equal = [.. Enumerable.Range(0, pairs.Count).Where(i => pairs[i] is var pair && pair.ChosenIds.AsSpan().SequenceEqual(pair.RejectedIds))];
        return equal.Count == 0 ? null
            : $"{equal.Count} training {(equal.Count == 1 ? "pair has" : "pairs have")} equal answers, which say nothing of a preference: {new RowNames(i => $"{pairs[i].Location}").Of(equal)}";
    }

    /// <summary>What a held-out pair may not share with a training one: everything before the answer.</summary>
    public static string PromptOf(PreferencePair pair) => string.Join("\n", pair.Prompt.Select(message => $"{message.Role}: {message.Content}"));

    /// <summary>How long prompts and answers are, and what was cut off them.</summary>
    internal static LengthReport LengthsOf(string what, IEnumerable<TokenizedPair> pairs)
    {
        var lengths = Unmeasured(what);
        foreach (var pair in pairs) Measure(lengths, pair);
        return lengths;
    }

    private static LengthReport Unmeasured(string what) => new(what, new LengthSeries("prompt"), new LengthSeries("chosen"), new LengthSeries("rejected"));

    private static void Measure(LengthReport lengths, TokenizedPair pair)
    {
        lengths.Series[0].Add(pair.Whole.Prompt, pair.PromptIds.Length);
        lengths.Series[1].Add(pair.Whole.Chosen, pair.ChosenIds.Length);
        lengths.Series[2].Add(pair.Whole.Rejected, pair.RejectedIds.Length);
    }
}
