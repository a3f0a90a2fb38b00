using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Feedback;
using Zephyr.Feedback.Audit;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>Which examples to look at.</summary>
/// <param name="Start">The first one, from 1.</param>
/// <param name="Count">How many.</param>
public sealed record ExampleRange(int Start, int Count);

/// <summary>The rows of a stage as its trainer will see them. No more of them is read than it takes to show the ones that are asked for.</summary>
public static class DataInspection
{
    private const int Unlimited = 1 << 30;

    /// <summary>Training sequences of sft.</summary>
    /// <exception cref="UserErrorException">Bad input, or fewer examples than the range begins after.</exception>
    public static IReadOnlyList<InspectedExample> OfConversations(SftConfig config, ExampleRange range, CancellationToken cancellation)
    {
        var tokenizer = TokenizerOf(config.Model);
        var tokenize = new ConversationTokenizer(tokenizer, config.Data.AutoInsertEmptySystemMsg);
        var files = new StageFiles(config.Data);
        var (rows, _) = files.Rows(ConversationSchema.Read, ConversationRows.PromptOf, config.Run.Seed, cancellation);
        var documents = files.Bad.Select(rows.Until(cancellation), row => tokenize.Tokenize(ConversationRows.Checked(row, config.Sft)));
        if (!config.Sft.Packing) return Some(documents.Skip(range.Start - 1).Take(range.Count).Select((document, i) => Alone(document, range.Start + i)), range);

        return config.Sft.PackingStrategy == "wrapped" ? Some(Wrapped(documents, config.Sft, range, tokenizer), range) : Some(KeptApart(), range);

        InspectedExample Alone(TokenizedConversation document, int number)
        {
            var sequences = Packing.OneEach([document], config.Sft.MaxSeqLength, config.Sft.AssistantOnlyLoss).Sequences;
            if (sequences is not [var sequence])
                return new(number, document.Location, [], $"left out: nothing to learn from in its first {Math.Min(config.Sft.MaxSeqLength, document.Ids.Length)} of {document.Ids.Length} tokens");
            var tokens = Tokens(sequence, tokenizer);
            return new(number, document.Location, [new("document", document.Location, tokens, document.Ids.Length - tokens.Count)]);
        }

        // Where a document goes depends on all of them.
        IEnumerable<InspectedExample> KeptApart()
        {
            List<TokenSequence> packed = [.. ConversationRows.Tokenize("training", rows, files.Bad, tokenizer, config.Sft, config.Data, _ => { }, cancellation)];
            var origins = new PackedRows([.. documents]);
            return packed.Skip(range.Start - 1).Take(range.Count).Select((sequence, i) =>
                Packed(range.Start + i, sequence, origins.InSequence(sequence.Ids, LabelledBatch.Of([sequence]).Batch.Positions), tokenizer, config.Sft.PackingStrategy == "bfd"));
        }
    }

    /// <summary>Pairs of dpo.</summary>
    /// <inheritdoc cref="OfConversations"/>
    public static IReadOnlyList<InspectedExample> OfPairs(DpoConfig config, ExampleRange range, CancellationToken cancellation)
    {
        var tokenizer = TokenizerOf(config.Model);
        var files = new StageFiles(config.Data);
        var (rows, _) = files.Rows(PreferenceSchema.Read, PairRows.PromptOf, config.Run.Seed, cancellation);
        var examples = files.Bad.Select(rows.Until(cancellation), Inspect);
        return Some(examples.Skip(range.Start - 1).Take(range.Count).Select((example, i) => example with { Number = range.Start + i }), range);

        InspectedExample Inspect(PreferencePair row)
        {
            TokenizedPair pair;
            try
            {
                pair = Tokenize(row, config.Dpo);
            }
            catch (UserErrorException unfit) when (unfit is not BadRowException)
            {
                return new(0, row.Location, [], $"left out: {unfit.Message}");
            }
            var whole = Tokenize(row, config.Dpo with { MaxLength = Unlimited, MaxPromptLength = Unlimited - 1 });
            var chosen = Tokens(TokenSequence.OfAnswer(pair.PromptIds, pair.ChosenIds), tokenizer);
            var rejected = Tokens(TokenSequence.OfAnswer(pair.PromptIds, pair.RejectedIds), tokenizer);
            var prompt = pair.PromptIds.Length;
            return new(0, row.Location,
            [
                new("prompt", row.Location, chosen[..prompt], whole.PromptIds.Length - prompt),
                new("chosen", row.Location, chosen[prompt..], whole.ChosenIds.Length - pair.ChosenIds.Length),
                new("rejected", row.Location, rejected[prompt..], whole.RejectedIds.Length - pair.RejectedIds.Length),
            ]);
        }

        TokenizedPair Tokenize(PreferencePair row, DpoOptions options) =>
            PairRows.Tokenize("training", [row], new(skip: false), tokenizer, options, config.Data, _ => { }, cancellation).First();
    }

    /// <summary>Scored answers of aif and the pair that each prompt gives.</summary>
    /// <inheritdoc cref="OfConversations"/>
    public static IReadOnlyList<PairOutcome> OfFeedback(AifConfig config, ExampleRange range, CancellationToken cancellation)
    {
        var pairs = new PreferencePairs(config, EvaluationSets.Of(config.Audit));
        var files = ScoredFiles(config.Source);
        return Some(pairs.Outcomes(files, pairs.Drops(files, cancellation), cancellation).Skip(range.Start - 1).Take(range.Count), range);
    }

    private static IReadOnlyList<string> ScoredFiles(FeedbackSourceOptions source) => source.AsksModels
        ? throw new UserErrorException("inspect data: shows scored answers and their pairs, expected feedback: once aif has run, give its completions.jsonl")
        : DataFiles.Resolve(source.Feedback);

    /// <summary>The blocks are cut in the order of the rows, so that the first rows give the first blocks.</summary>
    private static List<InspectedExample> Wrapped(IEnumerable<TokenizedConversation> rows, SftOptions options, ExampleRange range, MistralTokenizer tokenizer)
    {
        var (read, tokens, wanted) = (new List<TokenizedConversation>(), 0L, range.Start - 1L + range.Count);
        var blocks = new List<TokenSequence>();
        foreach (var row in rows)
        {
            read.Add(row);
            tokens += row.Ids.Length + 1;
            if (tokens < wanted * options.MaxSeqLength) continue;
            blocks = [.. Pack()];
            if (blocks.Count >= range.Start - 1 + range.Count) break;
            // Blocks without a label are left out: it takes more rows.
            wanted += wanted;
        }
        if (blocks.Count < range.Start - 1 + range.Count) blocks = [.. Pack()];
        if (blocks.Count == 0)
            throw new UserErrorException($"{read.Count} conversations of {tokens} tokens leave no block of max_seq_length {options.MaxSeqLength} with something to learn from");
        var origins = new PackedRows(read).InBlocks(blocks.Select(block => block.Ids), tokenizer.EosId);
        return [.. blocks.Zip(origins).Skip(range.Start - 1).Take(range.Count).Select((entry, i) => Packed(range.Start + i, entry.First, entry.Second, tokenizer))];

        IReadOnlyList<TokenSequence> Pack() => Packing.Wrapped(read, options.MaxSeqLength, tokenizer.EosId, options.AssistantOnlyLoss).Sequences;
    }

    /// <summary>A block; where it <paramref name="cuts"/> what is too long, nothing of that goes on in another one.</summary>
    private static InspectedExample Packed(int number, TokenSequence sequence,
        IReadOnlyList<(TokenizedConversation? Document, int Start, int Length)> origins, MistralTokenizer tokenizer, bool cuts = false)
    {
        var tokens = Tokens(sequence, tokenizer);
        return new(number, null, [.. origins.Select(part => new InspectedPart("document", part.Document?.Location, tokens.GetRange(part.Start, part.Length),
            cuts && part.Document is { } document ? document.Ids.Length - part.Length : 0))]);
    }

    /// <summary>The labels are those of the batch that the objective is given.</summary>
    private static List<InspectedToken> Tokens(TokenSequence sequence, MistralTokenizer tokenizer)
    {
        var isLabel = new bool[sequence.Ids.Length];
        foreach (var row in LabelledBatch.Of([sequence]).Rows) isLabel[row + 1] = true;
        return TokenRoles.Of(sequence.Ids, isLabel, tokenizer);
    }

    private static MistralTokenizer TokenizerOf(ModelOptions model) => MistralTokenizer.Load(model.TokenizerNameOrPath ?? model.ModelNameOrPath);

    private static List<T> Some<T>(IEnumerable<T> examples, ExampleRange range)
    {
        List<T> some = [.. examples];
        return some.Count > 0 ? some : throw new UserErrorException($"--start {range.Start}: there are fewer examples than that; expected the number of one, from 1");
    }
}
