using System.Globalization;
using Zephyr.Runtime;

namespace Zephyr.Data.Text;

/// <summary>
/// A SentencePiece model file (<c>tokenizer.model</c>): the vocabulary with its scores and the few settings that say how
/// it is meant. The file's bytes are kept, so that what is written beside a trained model is what was read.
/// </summary>
public sealed class SentencePieceModel
{
    // The largest vocabularies in use take 4 MB. A bound keeps a wrong path from filling the memory.
    private const int MaxFileBytes = 16 << 20;
    private const string Kind = "SentencePiece model";

    private readonly byte[] _bytes;
    private readonly SentencePiece[] _pieces;
    private readonly Dictionary<string, int> _ids;
    private readonly int[] _byteIds;

    internal SentencePieceModel(byte[] bytes, SentencePieceContent content, string name)
    {
        _bytes = bytes;
        _pieces = [.. content.Pieces];
        Settings = content.Settings;
        Name = name;
        _ids = IndexPieces(_pieces);
        _byteIds = IndexBytes(_pieces);
    }

    /// <summary>The file it came from, for messages.</summary>
    public string Name { get; }

    /// <summary>The pieces; a piece's id is its position.</summary>
    public IReadOnlyList<SentencePiece> Pieces => _pieces;

    /// <summary>The file, byte for byte.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    internal SentencePieceSettings Settings { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="UserErrorException">The file is missing, unreadable, or no usable SentencePiece model.</exception>
    public static SentencePieceModel Load(string path) => Parse(UserFile.ReadBytes(path, Kind, MaxFileBytes), path);

    /// <summary>Reads a model from memory.</summary>
    /// <param name="bytes">The file's content; kept, not copied.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <exception cref="UserErrorException">The bytes are no usable SentencePiece model.</exception>
    public static SentencePieceModel Parse(byte[] bytes, string name)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (bytes is [(byte)'{', ..])
            throw new UserErrorException($"{name}: found JSON, expected a {Kind} (the tokenizer.model that Mistral models come with, not tokenizer.json)");
        try
        {
            return new SentencePieceModel(bytes, SentencePieceContent.Read(bytes), name);
        }
        catch (InvalidDataException e)
        {
            throw new UserErrorException($"{name}: found {e.Message}, expected a SentencePiece model with byte fallback", e);
        }
    }

    /// <summary>Makes a model of merges (BPE with byte fallback) that SentencePiece, llama.cpp and transformers load.</summary>
    /// <param name="pieces">
    /// The vocabulary in the order of ids: <c>&lt;unk&gt;</c>, <c>&lt;s&gt;</c>, <c>&lt;/s&gt;</c>, all byte pieces, text.
    /// </param>
    /// <param name="name">What to call it in messages.</param>
    /// <exception cref="UserErrorException">The pieces are no usable vocabulary.</exception>
    public static SentencePieceModel Create(IReadOnlyList<SentencePiece> pieces, string name = "tokenizer.model") =>
        Parse(SentencePieceContent.Write(pieces), name);

    /// <summary>Writes the file, byte for byte as it was read.</summary>
    public void Save(string path) => File.WriteAllBytes(path, _bytes);

    /// <summary>The id of a piece; null when the vocabulary does not have it.</summary>
    public int? IdOf(string piece) => _ids.TryGetValue(piece, out var id) ? id : null;

    /// <summary>The ids by text, for look-ups with spans.</summary>
    internal Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> Ids => _ids.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The id of the piece that stands for one byte.</summary>
    internal int ByteId(byte value) => _byteIds[value];

    private static Dictionary<string, int> IndexPieces(SentencePiece[] pieces)
    {
        var ids = new Dictionary<string, int>(pieces.Length, StringComparer.Ordinal);
        for (var id = 0; id < pieces.Length; id++)
            if (!ids.TryAdd(pieces[id].Text, id))
                throw new InvalidDataException($"the piece '{pieces[id].Text}' twice (ids {ids[pieces[id].Text]} and {id})");
        return ids;
    }

    private static int[] IndexBytes(SentencePiece[] pieces)
    {
        var ids = new int[256];
        Array.Fill(ids, -1);
        for (var id = 0; id < pieces.Length; id++)
            if (pieces[id].Type == SentencePieceType.Byte) ids[ByteOf(pieces[id].Text)] = id;
        var missing = Array.IndexOf(ids, -1);
        return missing < 0 ? ids : throw new InvalidDataException($"no byte piece {BytePiece((byte)missing)}");
    }

    /// <summary>How the piece of a byte is written.</summary>
    internal static string BytePiece(byte value) => $"<0x{value:X2}>";

    /// <summary>The byte of a byte piece.</summary>
    internal static byte ByteOf(string piece) =>
        piece is ['<', '0', 'x', _, _, '>']
        && byte.TryParse(piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, null, out var value)
        && piece == BytePiece(value)
            ? value
            : throw new InvalidDataException($"the byte piece '{piece}'");
}
