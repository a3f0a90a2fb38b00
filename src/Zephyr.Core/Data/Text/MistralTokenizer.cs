using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.ML.Tokenizers;
using Zephyr.Runtime;

namespace Zephyr.Data.Text;

/// <summary>
/// The tokenizer of Mistral and Llama models: SentencePiece byte-pair encoding with byte fallback, with the ids that
/// Hugging Face's fast tokenizers give (their "legacy" form, where each stretch between marks gets a leading space).
/// </summary>
/// <remarks>
/// The package's own LlamaTokenizer merges the rightmost of equal pairs first, which changes the ids of 7 % of real
/// preference rows; only its interface is used here. An instance may be used from any number of threads.
/// </remarks>
public sealed partial class MistralTokenizer : Tokenizer
{
    /// <summary>The mark that starts a document, the one that ends a turn, and the one for text without a piece.</summary>
    public const string Bos = "<s>", Eos = "</s>", Unk = "<unk>";

    internal const char Space = '\u2581';

    private readonly MarkScanner _marks;
    private readonly WordSplitter _splitter;
    private readonly WordEncoder _words;
    private readonly WordCache _cache = new();

    /// <param name="model">The vocabulary.</param>
    /// <exception cref="UserErrorException">The model is of another kind: its ids would be wrong.</exception>
    public MistralTokenizer(SentencePieceModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Model = model;
        RequireKind(model);
        (UnkId, BosId, EosId) = (RequireMark(Unk), RequireMark(Bos), RequireMark(Eos));
        Merges = new MergeTable(model);
        Decoder = new TokenDecoder(model);
        _marks = new MarkScanner(model);
        _splitter = new WordSplitter(model);
        _words = new WordEncoder(model, Merges);
    }

    /// <summary>How many pieces there are; ids run from 0 to one less.</summary>
    public int VocabularySize => Model.Pieces.Count;

    /// <summary>Whether every id fits two bytes.</summary>
    internal bool HasNarrowIds => VocabularySize <= ushort.MaxValue + 1;

    /// <summary>The id of <see cref="Bos"/>.</summary>
    public int BosId { get; }

    /// <summary>The id of <see cref="Eos"/>.</summary>
    public int EosId { get; }

    /// <summary>The id of <see cref="Unk"/>, which no text encodes to but the mark itself.</summary>
    public int UnkId { get; }

    /// <summary>The vocabulary.</summary>
    public SentencePieceModel Model { get; }

    internal MergeTable Merges { get; }

    internal TokenDecoder Decoder { get; }

    /// <summary>Reads the tokenizer of a model folder, or a <c>tokenizer.model</c> file.</summary>
    /// <exception cref="UserErrorException">There is none, or it is not of this kind.</exception>
    public static MistralTokenizer Load(string folderOrFile)
    {
        if (!Path.Exists(folderOrFile)) throw new UserErrorException($"{folderOrFile}: there is no such tokenizer folder or file");
        if (!Directory.Exists(folderOrFile)) return new(SentencePieceModel.Load(folderOrFile));
        var file = Path.Combine(folderOrFile, TokenizerFiles.ModelFile);
        if (File.Exists(file)) return new(SentencePieceModel.Load(file));
        var others = Directory.GetFiles(folderOrFile, "*token*").Select(Path.GetFileName).Order(StringComparer.Ordinal).ToList();
        throw new UserErrorException(
            $"{folderOrFile}: found {(others.Count == 0 ? "no tokenizer" : "only " + string.Join(", ", others))}, "
            + $"expected {TokenizerFiles.ModelFile} (the SentencePiece file that Mistral models come with)");
    }

    /// <summary>The ids of a text. Marks written in it count as marks; an empty text has no ids.</summary>
    /// <param name="text">Any text; a lone surrogate counts as U+FFFD.</param>
    /// <param name="addBos">Whether <see cref="BosId"/> goes in front.</param>
    public int[] Encode(string text, bool addBos = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. Encode(text.AsSpan(), addBos)];
    }

    /// <summary>The ids of a text with the stretch of it that each stands for.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="addBos">Whether <see cref="BosId"/> goes in front, with an empty span.</param>
    public EncodedText EncodeWithSpans(string text, bool addBos = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = Encode(text.AsSpan(), addBos);
        return new EncodedText([.. ids], Spans(CollectionsMarshal.AsSpan(ids), addBos));
    }

    /// <summary>The text of ids.</summary>
    /// <param name="ids">Token ids; those outside the vocabulary are left out.</param>
    /// <param name="skipSpecialTokens">Whether marks such as <see cref="Eos"/> are left out.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true) => Decoder.Decode(ids.ToArray(), skipSpecialTokens);

    /// <inheritdoc cref="Decode(ReadOnlySpan{int}, bool)"/>
    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens) => Decoder.Decode(ids, skipSpecialTokens);

    /// <summary>The piece of an id as the vocabulary writes it, with "▁" for a space.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public string Piece(int id) =>
        (uint)id < (uint)VocabularySize ? Model.Pieces[id].Text : throw new ArgumentOutOfRangeException(nameof(id), id, null);

    private List<int> Encode(ReadOnlySpan<char> text, bool addBos)
    {
        var ids = new List<int>(text.Length / 3 + 2);
        if (addBos) ids.Add(BosId);
        while (text.Length > 0)
        {
            var (start, length, mark) = _marks.FindFirst(text);
            if (start > 0) EncodeSegment(text[..start], ids);
            if (length > 0) ids.Add(mark);
            text = text[(start + length)..];
        }
        return ids;
    }

    private void EncodeSegment(ReadOnlySpan<char> segment, List<int> ids)
    {
        var rented = ArrayPool<char>.Shared.Rent(segment.Length + 1);
        try
        {
            var text = rented.AsSpan(0, segment.Length + 1);
            text[0] = Space;
            segment.Replace(text[1..], ' ', Space);
            ReplaceLoneSurrogates(text);
            for (int start = 0, end; start < text.Length; start = end)
            {
                end = _splitter.EndOfWord(text, start);
                EncodeWord(text[start..end], ids);
            }
        }
        finally
        {
            ArrayPool<char>.Shared.Return(rented);
        }
    }

    private void EncodeWord(ReadOnlySpan<char> word, List<int> ids)
    {
        if (word.Length > WordCache.MaxWordLength)
        {
            EncodeLongWord(word, ids);
            return;
        }
        var slot = WordCache.SlotOf(word);
        ids.AddRange((_cache.Find(word, slot) ?? EncodeShortWord(word, slot)).AsSpan());
    }

    private int[] EncodeShortWord(ReadOnlySpan<char> word, int slot)
    {
        Span<int> buffer = stackalloc int[WordEncoder.MaxIds(WordCache.MaxWordLength)];
        var ids = buffer[.._words.Encode(word, buffer)].ToArray();
        _cache.Keep(word, slot, ids);
        return ids;
    }

    private void EncodeLongWord(ReadOnlySpan<char> word, List<int> ids)
    {
        var rented = ArrayPool<int>.Shared.Rent(WordEncoder.MaxIds(word.Length));
        ids.AddRange((ReadOnlySpan<int>)rented.AsSpan(0, _words.Encode(word, rented)));
        ArrayPool<int>.Shared.Return(rented);
    }

    private static void ReplaceLoneSurrogates(Span<char> text)
    {
        for (var at = text.IndexOfAnyInRange('\uD800', '\uDFFF'); at >= 0 && at < text.Length; at++)
            if (char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1])) at++;
            else if (char.IsSurrogate(text[at])) text[at] = '\uFFFD';
    }

    private static void RequireKind(SentencePieceModel model)
    {
        var found = model.Settings switch
        {
            { ModelType: not 2 } => "a model without merges (not BPE)",
            { AddDummyPrefix: false } => "a model without a leading space",
            { RemoveExtraWhitespaces: true } => "a model that shrinks runs of spaces",
            { RewritesCharacters: true } => "a model that rewrites characters",
            _ => null,
        };
        if (found is not null)
            throw new UserErrorException($"{model.Name}: found {found}, expected the tokenizer of a Mistral or Llama model");
    }

    private int RequireMark(string mark) =>
        Model.IdOf(mark) is { } id && Model.Pieces[id].IsSpecial
            ? id
            : throw new UserErrorException($"{Model.Name}: found no mark '{mark}', expected the tokenizer of a Mistral or Llama model");
}
