using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Zephyr.Data.Text;

/// <summary>
/// Writes the tokenizer's files of a model folder, all made from <c>tokenizer.model</c>, so that transformers, vLLM and
/// llama.cpp read the ids that were trained on. The same model gives the same bytes.
/// </summary>
public static class TokenizerFiles
{
    internal const string ModelFile = "tokenizer.model";

    /// <summary>Writes tokenizer.model, tokenizer.json, tokenizer_config.json and special_tokens_map.json.</summary>
    /// <param name="folder">An existing folder; files of these names in it are replaced.</param>
    /// <param name="tokenizer">The tokenizer that was trained with.</param>
    /// <param name="modelMaxLength">The most tokens the model was made for.</param>
    /// <exception cref="IOException">The folder cannot be written to.</exception>
    public static void Write(string folder, MistralTokenizer tokenizer, int modelMaxLength)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        tokenizer.Model.Save(Path.Combine(folder, ModelFile));
        WriteJson(folder, "tokenizer.json", json => FastTokenizerJson.Write(json, tokenizer));
        WriteJson(folder, "tokenizer_config.json", json => WriteConfig(json, tokenizer, modelMaxLength));
        WriteJson(folder, "special_tokens_map.json", json =>
        {
            json.WriteStartObject();
            WriteMarks(json);
            json.WriteEndObject();
        });
    }

    private static void WriteConfig(Utf8JsonWriter json, MistralTokenizer tokenizer, int modelMaxLength)
    {
        json.WriteStartObject();
        json.WriteBoolean("add_bos_token", true);
        json.WriteBoolean("add_eos_token", false);
        json.WriteStartObject("added_tokens_decoder");
        foreach (var (id, piece) in FastTokenizerJson.AddedTokens(tokenizer.Model))
        {
            json.WriteStartObject(id.ToString());
            FastTokenizerJson.WriteAddedToken(json, piece);
            json.WriteEndObject();
        }
        json.WriteEndObject();
        WriteMarks(json);
        json.WriteString("chat_template", ZephyrTemplate.Jinja);
        json.WriteBoolean("clean_up_tokenization_spaces", false);
        json.WriteBoolean("legacy", true);
        json.WriteNumber("model_max_length", modelMaxLength);
        json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
        json.WriteEndObject();
    }

    private static void WriteMarks(Utf8JsonWriter json)
    {
        json.WriteString("bos_token", MistralTokenizer.Bos);
        json.WriteString("eos_token", MistralTokenizer.Eos);
        json.WriteString("unk_token", MistralTokenizer.Unk);
    }

    private static void WriteJson(string folder, string file, Action<Utf8JsonWriter> write)
    {
        using var bytes = new MemoryStream();
        // The relaxed encoder: pieces stay readable, and nothing here is ever put into a web page.
        var options = new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(bytes, options)) write(json);
        bytes.Write(Encoding.UTF8.GetBytes("\n"));
        File.WriteAllBytes(Path.Combine(folder, file), bytes.ToArray());
    }
}
