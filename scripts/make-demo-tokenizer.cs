// Learns a small tokenizer from text: a SentencePiece BPE model with byte fallback, for the tiny model of the demo.
//
//     dotnet run scripts/make-demo-tokenizer.cs -- --size 1000 --out FILE.model INPUT.jsonl...
//
// The text is every string under the keys content, instruction and response of the JSON Lines given. The same text gives
// the same bytes. Pieces: <unk> <s> </s>, 256 bytes, the merges in the order learned, then the single characters.
#:project ../src/Zephyr.Core/Zephyr.Core.csproj
#:property PublishAot=false
#:property RestorePackagesWithLockFile=false
#:property RestoreLockedMode=false

using System.Globalization;
using System.Text;
using System.Text.Json;
using Zephyr.Data.Text;

var (size, output, inputs) = Options.Parse(args);
if (inputs.Count == 0 || output.Length == 0)
{
    Console.Error.WriteLine("usage: dotnet run scripts/make-demo-tokenizer.cs -- --size N --out FILE.model INPUT.jsonl...");
    return 2;
}

var counts = new WordCounts();
foreach (var text in inputs.SelectMany(Corpus.Texts)) counts.Add(text);
var characters = counts.FrequentCharacters(most: size / 8);
var learner = new BpeLearner(counts.Words(characters));
var merged = learner.Learn(size - 3 - 256 - characters.Count);
var pieces = Vocabulary.Pieces(merged, characters);
if (pieces.Count != size)
{
    Console.Error.WriteLine($"--size {size}: this text gives {pieces.Count} pieces ({characters.Count} of them characters); give more text or another size");
    return 2;
}
SentencePieceModel.Create(pieces, output).Save(output);
Console.WriteLine($"{output}: {pieces.Count} pieces, {merged.Count} of them merges, {characters.Count} characters");
return 0;

/// <summary>The command line.</summary>
internal static class Options
{
    public static (int Size, string Output, List<string> Inputs) Parse(string[] args)
    {
        var (size, output, inputs) = (1000, "", new List<string>());
        for (var i = 0; i < args.Length; i++)
            if (args[i] == "--size" && i + 1 < args.Length) size = int.Parse(args[++i], CultureInfo.InvariantCulture);
            else if (args[i] == "--out" && i + 1 < args.Length) output = args[++i];
            else inputs.Add(args[i]);
        return (size, output, inputs);
    }
}

/// <summary>What there is to learn from.</summary>
internal static class Corpus
{
    private static readonly HashSet<string> TextKeys = ["content", "instruction", "response"];

    public static IEnumerable<string> Texts(string file)
    {
        foreach (var line in File.ReadLines(file).Where(line => !string.IsNullOrWhiteSpace(line)))
        {
            using var row = JsonDocument.Parse(line);
            foreach (var text in Strings(row.RootElement, wanted: false)) yield return text;
        }
    }

    private static IEnumerable<string> Strings(JsonElement value, bool wanted) => value.ValueKind switch
    {
        JsonValueKind.String when wanted => [value.GetString()!],
        JsonValueKind.Array => value.EnumerateArray().SelectMany(item => Strings(item, wanted: false)),
        JsonValueKind.Object => value.EnumerateObject().SelectMany(field => Strings(field.Value, TextKeys.Contains(field.Name))),
        _ => [],
    };
}

/// <summary>The words of a text: each space starts one, as "▁", and control characters end one; those stay bytes.</summary>
internal sealed class WordCounts
{
    private const string Space = "▁";
    private const double Coverage = 0.9995;     // SentencePiece's default: rarer characters become bytes

    private readonly Dictionary<string, int> _words = [];

    public void Add(string text)
    {
        // The tokenizer puts a space before a text; after a newline there is none.
        foreach (var line in (Space + text.Replace(" ", Space)).Split('\n')) Count(line);
    }

    /// <summary>The characters that make up almost all of the text, the most frequent first.</summary>
    public List<string> FrequentCharacters(int most)
    {
        var counts = new Dictionary<string, long>();
        foreach (var (word, count) in _words)
            foreach (var character in word.EnumerateRunes().Where(character => !Rune.IsControl(character)))
                counts[character.ToString()] = counts.GetValueOrDefault(character.ToString()) + count;
        var (total, covered) = (counts.Values.Sum(), 0L);
        var frequent = new List<string>();
        foreach (var (character, count) in counts.OrderByDescending(x => x.Value).ThenBy(x => x.Key, StringComparer.Ordinal))
        {
            if (frequent.Count == most || covered > total * Coverage) break;
            frequent.Add(character);
            covered += count;
        }
        return frequent.Contains(Space) ? frequent : [Space, .. frequent];
    }

    /// <summary>Words in single characters with their counts, cut where a character has no piece.</summary>
    public List<(List<string> Symbols, int Count)> Words(List<string> characters)
    {
        var known = characters.ToHashSet();
        var words = new List<(List<string>, int)>();
        foreach (var (word, count) in _words.OrderBy(x => x.Key, StringComparer.Ordinal))
        {
            var symbols = new List<string>();
            foreach (var character in word.EnumerateRunes().Select(rune => rune.ToString()))
            {
                if (known.Contains(character))
                {
                    symbols.Add(character);
                    continue;
                }
                if (symbols.Count > 1) words.Add((symbols, count));
                symbols = [];
            }
            if (symbols.Count > 1) words.Add((symbols, count));
        }
        return words;
    }

    private void Count(string line)
    {
        foreach (var word in line.Split(Space).Select((part, i) => i == 0 ? part : Space + part))
            if (word.Length > 0) _words[word] = _words.GetValueOrDefault(word) + 1;
    }
}

/// <summary>Byte-pair encoding learned: again and again the most frequent pair of neighbours becomes one symbol.</summary>
internal sealed class BpeLearner
{
    private const int MaxPieceLength = 16;      // SentencePiece's default

    private readonly List<(List<string> Symbols, int Count)> _words;
    private readonly Dictionary<(string Left, string Right), long> _pairs = [];
    private readonly Dictionary<(string Left, string Right), HashSet<int>> _places = [];

    public BpeLearner(List<(List<string> Symbols, int Count)> words)
    {
        _words = words;
        for (var word = 0; word < words.Count; word++) Tally(word, +1);
    }

    /// <summary>Up to so many merged pieces, in the order learned.</summary>
    public List<string> Learn(int most)
    {
        var merged = new List<string>();
        var known = new HashSet<string>();
        while (merged.Count < most && Best() is { } pair)
        {
            // The same text may arise from two pairs; it is one piece.
            if (known.Add(pair.Left + pair.Right)) merged.Add(pair.Left + pair.Right);
            foreach (var word in _places[pair].Order().ToList())
            {
                Tally(word, -1);
                Merge(_words[word].Symbols, pair);
                Tally(word, +1);
            }
        }
        return merged;
    }

    /// <summary>The most frequent pair that occurs at least twice; equals by text, so that the result is one and the same.</summary>
    private (string Left, string Right)? Best()
    {
        (string Left, string Right)? best = null;
        var bestCount = 1L;
        foreach (var (pair, count) in _pairs)
            if (pair.Left.Length + pair.Right.Length <= MaxPieceLength
                && (count > bestCount || (count == bestCount && best is { } other && Precedes(pair, other))))
                (best, bestCount) = (pair, count);
        return best;
    }

    private static bool Precedes((string Left, string Right) a, (string Left, string Right) b)
    {
        var byText = string.CompareOrdinal(a.Left + a.Right, b.Left + b.Right);
        return byText < 0 || (byText == 0 && a.Left.Length < b.Left.Length);
    }

    private void Tally(int word, int sign)
    {
        var (symbols, count) = _words[word];
        for (var i = 0; i + 1 < symbols.Count; i++)
        {
            var pair = (symbols[i], symbols[i + 1]);
            var total = _pairs.GetValueOrDefault(pair) + sign * count;
            if (total == 0) _pairs.Remove(pair);
            else _pairs[pair] = total;
            if (!_places.TryGetValue(pair, out var places)) _places[pair] = places = [];
            if (sign > 0) places.Add(word);
            else places.Remove(word);
        }
    }

    private static void Merge(List<string> symbols, (string Left, string Right) pair)
    {
        for (var i = 0; i + 1 < symbols.Count; i++)
        {
            if (symbols[i] != pair.Left || symbols[i + 1] != pair.Right) continue;
            symbols[i] += symbols[i + 1];
            symbols.RemoveAt(i + 1);
        }
    }
}

/// <summary>The pieces in SentencePiece's own order, with its scores: minus the number of the merge.</summary>
internal static class Vocabulary
{
    public static List<SentencePiece> Pieces(List<string> merged, List<string> characters)
    {
        var pieces = new List<SentencePiece>
        {
            new(MistralTokenizer.Unk, 0, SentencePieceType.Unknown),
            new(MistralTokenizer.Bos, 0, SentencePieceType.Control),
            new(MistralTokenizer.Eos, 0, SentencePieceType.Control),
        };
        for (var value = 0; value < 256; value++) pieces.Add(new($"<0x{value:X2}>", 0, SentencePieceType.Byte));
        foreach (var text in merged.Concat(characters)) pieces.Add(new(text, 3 + 256 - pieces.Count, SentencePieceType.Normal));
        return pieces;
    }
}
