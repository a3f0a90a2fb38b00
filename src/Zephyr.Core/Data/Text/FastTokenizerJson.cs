using System.Text.Json;

namespace Zephyr.Data.Text;

/// <summary>The <c>tokenizer.json</c> of Hugging Face's fast tokenizers: the same algorithm as data.</summary>
internal static class FastTokenizerJson
{
    /// <summary>The pieces that are split out of the text before anything else.</summary>
    public static IEnumerable<(int Id, SentencePiece Piece)> AddedTokens(SentencePieceModel model) =>
        model.Pieces.Select((piece, id) => (id, piece))
            .Where(x => x.piece.IsMark);

    public static void Write(Utf8JsonWriter json, MistralTokenizer tokenizer)
    {
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        WriteAddedTokens(json, tokenizer.Model);
        WriteRaw(json, "normalizer", Normalizer);
        json.WriteNull("pre_tokenizer");
        WriteRaw(json, "post_processor", PostProcessor.Replace("BOS_ID", tokenizer.BosId.ToString()));
        WriteRaw(json, "decoder", Decoder);
        WriteModel(json, tokenizer);
        json.WriteEndObject();
    }

    /// <summary>The properties of an added token, inside an object that is already open.</summary>
    public static void WriteAddedToken(Utf8JsonWriter json, SentencePiece piece)
    {
        json.WriteString("content", piece.Text);
        json.WriteBoolean("single_word", false);
        json.WriteBoolean("lstrip", false);
        json.WriteBoolean("rstrip", false);
        json.WriteBoolean("normalized", false);
        json.WriteBoolean("special", piece.IsSpecial);
    }

    private static void WriteAddedTokens(Utf8JsonWriter json, SentencePieceModel model)
    {
        json.WriteStartArray("added_tokens");
        foreach (var (id, piece) in AddedTokens(model))
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            WriteAddedToken(json, piece);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteModel(Utf8JsonWriter json, MistralTokenizer tokenizer)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteString("unk_token", MistralTokenizer.Unk);
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", true);
        json.WriteBoolean("byte_fallback", true);
        json.WriteBoolean("ignore_merges", false);
        json.WriteStartObject("vocab");
        for (var id = 0; id < tokenizer.VocabularySize; id++) json.WriteNumber(tokenizer.Piece(id), id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var merge in tokenizer.Merges.Merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(tokenizer.Piece(merge.Left));
            json.WriteStringValue(tokenizer.Piece(merge.Right));
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Through a document, so that constants take on the writer's indentation.</summary>
    private static void WriteRaw(Utf8JsonWriter json, string name, string value)
    {
        using var document = JsonDocument.Parse(value);
        json.WritePropertyName(name);
        document.WriteTo(json);
    }

    private const string Normalizer =
        """
        {"type": "Sequence", "normalizers": [
          {"type": "Prepend", "prepend": "▁"},
          {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
        """;

    private const string PostProcessor =
        """
        {"type": "TemplateProcessing",
         "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
         "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                  {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
         "special_tokens": {"<s>": {"id": "<s>", "ids": [BOS_ID], "tokens": ["<s>"]}}}
        """;

    private const string Decoder =
        """
        {"type": "Sequence", "decoders": [
          {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
          {"type": "ByteFallback"},
          {"type": "Fuse"},
          {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
        """;
}
