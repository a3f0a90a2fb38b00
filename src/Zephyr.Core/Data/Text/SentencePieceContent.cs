using System.Text;

namespace Zephyr.Data.Text;

/// <summary>The settings of a SentencePiece model that change ids; the defaults are those of the format.</summary>
internal sealed record SentencePieceSettings
{
    /// <summary>1 unigram, 2 BPE, 3 word, 4 char.</summary>
    public long ModelType { get; init; } = 1;

    /// <summary>Whether text gets a leading space.</summary>
    public bool AddDummyPrefix { get; init; } = true;

    /// <summary>Whether runs of spaces shrink to one.</summary>
    public bool RemoveExtraWhitespaces { get; init; } = true;

    /// <summary>Whether text is rewritten by a table (NFKC and the like) before it is encoded.</summary>
    public bool RewritesCharacters { get; init; }
}

/// <summary>What a SentencePiece model file says, and how it is said: the fields of sentencepiece_model.proto.</summary>
internal sealed record SentencePieceContent(IReadOnlyList<SentencePiece> Pieces, SentencePieceSettings Settings)
{
    // Real pieces have up to 16 characters, marks a few dozen. The bound keeps "all splits of every piece" from becoming quadratic.
    private const int MaxPieceBytes = 256;

    // The largest vocabularies in use have 262,144 pieces, and the largest numbers of marks are below 10,000; a table of all merges and a search for all marks are made of them.
    private const int MaxPieces = 300_000, MaxMarks = 20_000;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a file's bytes.</summary>
    /// <exception cref="InvalidDataException">They are no SentencePiece model; the message says what was found.</exception>
    public static SentencePieceContent Read(ReadOnlySpan<byte> bytes)
    {
        var pieces = new List<SentencePiece>();
        var settings = new SentencePieceSettings();
        var model = new ProtobufReader(bytes);
        while (model.Next())
            switch (model.Field)
            {
                case 1 when pieces.Count == MaxPieces: throw new InvalidDataException($"more than {MaxPieces} pieces");
                case 1: pieces.Add(ReadPiece(model.Bytes(), pieces.Count)); break;
                case 2: settings = ReadTrainer(model.Bytes(), settings); break;
                case 3: settings = ReadNormalizer(model.Bytes(), settings); break;
            }
        if (pieces.Count(piece => piece.IsMark) is > MaxMarks and var marks) throw new InvalidDataException($"{marks} marks");
        return pieces.Count > 0 ? new(pieces, settings) : throw new InvalidDataException("no pieces");
    }

    /// <summary>The file of a BPE model with byte fallback whose first three pieces are unk, bos and eos.</summary>
    public static byte[] Write(IReadOnlyList<SentencePiece> pieces)
    {
        var model = new ProtobufWriter();
        foreach (var piece in pieces)
            model.Bytes(1, new ProtobufWriter().Text(1, piece.Text).Float(2, piece.Score).Integer(3, (long)piece.Type).ToArray());
        var trainer = new ProtobufWriter()
            .Integer(3, 2).Integer(4, pieces.Count)             // model_type BPE, vocab_size
            .Integer(35, 1)                                     // byte_fallback
            .Integer(40, 0).Integer(41, 1).Integer(42, 2).Integer(43, -1)   // unk, bos, eos, pad: none
            .Text(45, MistralTokenizer.Unk).Text(46, MistralTokenizer.Bos).Text(47, MistralTokenizer.Eos);
        var normalizer = new ProtobufWriter()
            .Text(1, "identity").Text(2, "")                    // name, precompiled_charsmap
            .Integer(3, 1).Integer(4, 0).Integer(5, 1);         // add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces
        return model.Bytes(2, trainer.ToArray()).Bytes(3, normalizer.ToArray()).ToArray();
    }

    private static SentencePiece ReadPiece(ReadOnlySpan<byte> bytes, int id)
    {
        var text = "";
        var score = 0f;
        var type = SentencePieceType.Normal;
        var piece = new ProtobufReader(bytes);
        while (piece.Next())
            switch (piece.Field)
            {
                case 1: text = ReadText(piece.Bytes(), id); break;
                case 2: score = piece.Float(); break;
                case 3: type = (SentencePieceType)piece.Integer(); break;
            }
        if (text.Length == 0) throw new InvalidDataException($"an empty piece (id {id})");
        if (!float.IsFinite(score)) throw new InvalidDataException($"the score {score} (id {id})");
        if (type is < SentencePieceType.Normal or > SentencePieceType.Byte)
            throw new InvalidDataException($"the piece type {(long)type} (id {id})");
        return new(text, score, type);
    }

    private static string ReadText(ReadOnlySpan<byte> bytes, int id)
    {
        if (bytes.Length > MaxPieceBytes) throw new InvalidDataException($"a piece of {bytes.Length} bytes (id {id})");
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException($"a piece that is not UTF-8 (id {id})", e);
        }
    }

    private static SentencePieceSettings ReadTrainer(ReadOnlySpan<byte> bytes, SentencePieceSettings settings)
    {
        var trainer = new ProtobufReader(bytes);
        while (trainer.Next())
            if (trainer.Field == 3) settings = settings with { ModelType = trainer.Integer() };
        return settings;
    }

    private static SentencePieceSettings ReadNormalizer(ReadOnlySpan<byte> bytes, SentencePieceSettings settings)
    {
        var normalizer = new ProtobufReader(bytes);
        while (normalizer.Next())
            settings = normalizer.Field switch
            {
                2 => settings with { RewritesCharacters = normalizer.Bytes().Length > 0 },
                3 => settings with { AddDummyPrefix = normalizer.Integer() != 0 },
                4 => settings with { RemoveExtraWhitespaces = normalizer.Integer() != 0 },
                _ => settings,
            };
        return settings;
    }
}
