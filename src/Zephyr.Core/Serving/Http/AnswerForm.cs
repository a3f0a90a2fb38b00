using System.Text.Json;
using Zephyr.Data.Text;
using Zephyr.Model.Generation;

namespace Zephyr.Serving.Http;

/// <summary>How the choices of an answer are written: those of a chat, or those of a text.</summary>
internal abstract class AnswerForm(MistralTokenizer tokenizer)
{
    /// <summary>What ids of answers begin with.</summary>
    public abstract string IdPrefix { get; }

    /// <summary>The kind of object, whole or as a piece.</summary>
    public abstract string Kind(bool piece);

    /// <summary>Writes what is in a choice besides its index and its reason to end.</summary>
    /// <param name="json">Receives it.</param>
    /// <param name="text">The text, or the new part of it.</param>
    /// <param name="tokens">Tokens with log-probabilities; null where none were asked for.</param>
    /// <param name="place">Whole, the first piece of this choice, or a later one.</param>
    public abstract void WriteContent(Utf8JsonWriter json, string text, IReadOnlyList<AnswerToken>? tokens, Place place);

    public void WriteChoice(Utf8JsonWriter json, int index, string text, IReadOnlyList<AnswerToken>? tokens, AnswerEnd? end, Place place)
    {
        json.WriteStartObject();
        json.WriteNumber("index", index);
        WriteContent(json, text, tokens, place);
        json.WriteString("finish_reason", end switch { null => null, AnswerEnd.Length => "length", _ => "stop" });
        json.WriteEndObject();
    }

    /// <summary>A token as text. A byte that is part of a character is written as its piece, &lt;0xE2&gt;.</summary>
    protected string TextOf(int id) => tokenizer.Decoder.IsShown(id, skipSpecialTokens: false) ? tokenizer.Decoder.TextOf(id) : "";

    protected void WriteBytes(Utf8JsonWriter json, int id)
    {
        json.WriteStartArray("bytes");
        if (tokenizer.Decoder.IsShown(id, skipSpecialTokens: false))
        {
            if (tokenizer.Decoder.ByteOf(id) is >= 0 and var only) json.WriteNumberValue(only);
            else foreach (var value in System.Text.Encoding.UTF8.GetBytes(TextOf(id))) json.WriteNumberValue(value);
        }
        json.WriteEndArray();
    }
}

/// <summary>Where a piece of a choice stands.</summary>
internal enum Place
{
    Whole,
    First,
    Later,
}

/// <summary>chat.completion and chat.completion.chunk.</summary>
internal sealed class ChatForm(MistralTokenizer tokenizer) : AnswerForm(tokenizer)
{
    public override string IdPrefix => "chatcmpl-";

    public override string Kind(bool piece) => piece ? "chat.completion.chunk" : "chat.completion";

    public override void WriteContent(Utf8JsonWriter json, string text, IReadOnlyList<AnswerToken>? tokens, Place place)
    {
        json.WriteStartObject(place == Place.Whole ? "message" : "delta");
        if (place != Place.Later) json.WriteString("role", "assistant");
        if (place != Place.Later || text.Length > 0) json.WriteString("content", text);
        if (place == Place.Whole) json.WriteNull("refusal");
        json.WriteEndObject();
        if (tokens is null)
        {
            json.WriteNull("logprobs");
            return;
        }
        json.WriteStartObject("logprobs");
        json.WriteStartArray("content");
        foreach (var (token, _) in tokens)
        {
            json.WriteStartObject();
            WriteToken(json, token.Id, token.LogProb!.Value);
            json.WriteStartArray("top_logprobs");
            foreach (var (id, logProb) in token.Likeliest)
            {
                json.WriteStartObject();
                WriteToken(json, id, logProb);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNull("refusal");
        json.WriteEndObject();
    }

    private void WriteToken(Utf8JsonWriter json, int id, double logProb)
    {
        json.WriteString("token", TextOf(id));
        json.WriteNumber("logprob", Finite(logProb));
        WriteBytes(json, id);
    }

    /// <summary>JSON has no infinity; OpenAI writes this for what is as good as impossible.</summary>
    internal static double Finite(double logProb) => Math.Max(logProb, -9999);
}

/// <summary>text_completion.</summary>
internal sealed class CompletionForm(MistralTokenizer tokenizer) : AnswerForm(tokenizer)
{
    public override string IdPrefix => "cmpl-";

    public override string Kind(bool piece) => "text_completion";

    public override void WriteContent(Utf8JsonWriter json, string text, IReadOnlyList<AnswerToken>? tokens, Place place)
    {
        json.WriteString("text", text);
        if (tokens is null)
        {
            json.WriteNull("logprobs");
            return;
        }
        json.WriteStartObject("logprobs");
        json.WriteStartArray("tokens");
        foreach (var (token, _) in tokens) json.WriteStringValue(TextOf(token.Id));
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs");
        foreach (var (token, _) in tokens) json.WriteNumberValue(ChatForm.Finite(token.LogProb!.Value));
        json.WriteEndArray();
        json.WriteStartArray("top_logprobs");
        foreach (var (token, _) in tokens)
        {
            json.WriteStartObject();
            // Two ids may read alike, and an object's names are to be different: the likelier one stays.
            foreach (var other in token.Likeliest.DistinctBy(other => TextOf(other.Id))) json.WriteNumber(TextOf(other.Id), ChatForm.Finite(other.LogProb));
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("text_offset");
        foreach (var (_, start) in tokens) json.WriteNumberValue(start);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
