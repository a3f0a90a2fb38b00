using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Zephyr.Data;

namespace Zephyr.Feedback;

/// <summary>Writes pairs as JSON Lines: UTF-8, one object a line.</summary>
public sealed class JsonLinesPairWriter(string path) : IPairWriter
{
    // Escapes only what JSON demands: the file is for people to read, and never stands in a web page.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly FileStream _stream = File.Create(path);

    /// <inheritdoc/>
    public void Add(ScoredPair pair)
    {
        using (var json = new Utf8JsonWriter(_stream, Readable))
        {
            json.WriteStartObject();
            json.WriteString("prompt", pair.Prompt);
            json.WriteString("prompt_id", PromptId.Of(pair.Prompt));
            WriteDialogue(json, "chosen", PairColumns.Dialogue(pair, pair.Chosen));
            WriteDialogue(json, "rejected", PairColumns.Dialogue(pair, pair.Rejected));
            WriteDialogue(json, "messages", PairColumns.Dialogue(pair, pair.Chosen));
            WriteScore(json, "score_chosen", pair.Chosen.Score);
            WriteScore(json, "score_rejected", pair.Rejected.Score);
            json.WriteString("model_chosen", pair.Chosen.Completion.Model);
            json.WriteString("model_rejected", pair.Rejected.Completion.Model);
            json.WriteEndObject();
        }
        _stream.WriteByte((byte)'\n');
    }

    /// <inheritdoc/>
    public void Complete() => _stream.Flush(flushToDisk: true);

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private static void WriteDialogue(Utf8JsonWriter json, string name, ChatMessage[] messages)
    {
        json.WriteStartArray(name);
        foreach (var message in messages)
        {
            json.WriteStartObject();
            json.WriteString("content", message.Content);
            json.WriteString("role", message.Role);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>With a decimal point always: readers that guess a column's type from its first rows must not guess integers.</summary>
    private static void WriteScore(Utf8JsonWriter json, string name, double score)
    {
        var text = score.ToString("R", CultureInfo.InvariantCulture);
        json.WritePropertyName(name);
        json.WriteRawValue(text.AsSpan().IndexOfAny('.', 'E') < 0 ? text + ".0" : text);
    }
}
