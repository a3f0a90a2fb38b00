using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Zephyr.Model.Generation;

namespace Zephyr.Serving.Http;

/// <summary>
/// Writes the answer of a request, whole or piece by piece (server-sent events). What may end a write is the client alone: Kestrel resets a connection whose write is cancelled, and an answer
/// that takes too long is to end with an error. A client that does not read is cut off by Kestrel (MinResponseDataRate).
/// </summary>
internal sealed class AnswerWriter(ApiRequest request, string id, long created, string model)
{
    // The relaxed encoder: what is written is JSON and says so, and nothing puts it into a web page.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly int[] _tokens = new int[request.Choices];

    /// <summary>Tokens of the answers so far.</summary>
    public int CompletionTokens => _tokens.Sum();

    public async Task Write(IAsyncEnumerator<AnswerPart> parts, HttpResponse response)
    {
        // The first piece before the first header: until then an error has a status of its own.
        var any = await parts.MoveNextAsync().ConfigureAwait(false);
        if (request.Stream) await WritePieces(any, parts, response).ConfigureAwait(false);
        else await WriteWhole(any, parts, response).ConfigureAwait(false);
    }

    public static Task WriteJson(HttpResponse response, int status, Action<Utf8JsonWriter> write)
    {
        response.StatusCode = status;
        response.ContentType = "application/json";
        var bytes = Bytes("", write, "\n");
        response.ContentLength = bytes.Length;
        return response.Body.WriteAsync(bytes, response.HttpContext.RequestAborted).AsTask();
    }

    /// <summary>An error after the first piece: the status is out already, so that it is told as an event, and no [DONE] follows.</summary>
    public static async Task WriteErrorEvent(HttpResponse response, ApiError error)
    {
        await response.Body.WriteAsync(Bytes("data: ", error.Write, "\n\n"), response.HttpContext.RequestAborted).ConfigureAwait(false);
        await response.Body.FlushAsync(response.HttpContext.RequestAborted).ConfigureAwait(false);
    }

    private async Task WriteWhole(bool any, IAsyncEnumerator<AnswerPart> parts, HttpResponse response)
    {
        var choices = Enumerable.Range(0, request.Choices).Select(_ => (Text: new StringBuilder(), Tokens: new List<AnswerToken>())).ToList();
        var ends = new AnswerEnd?[request.Choices];
        for (; any; any = await parts.MoveNextAsync().ConfigureAwait(false))
        {
            var part = parts.Current;
            choices[part.Choice].Text.Append(part.Text);
            choices[part.Choice].Tokens.AddRange(part.Tokens);
            (ends[part.Choice], _tokens[part.Choice]) = (part.End, part.CompletionTokens);
        }
        await WriteJson(response, 200, json =>
        {
            Begin(json, piece: false);
            json.WriteStartArray("choices");
            for (var i = 0; i < choices.Count; i++)
                request.Form.WriteChoice(json, i, choices[i].Text.ToString(), TellsTokens ? choices[i].Tokens : null, ends[i], Place.Whole);
            json.WriteEndArray();
            WriteUsage(json);
            json.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private async Task WritePieces(bool any, IAsyncEnumerator<AnswerPart> parts, HttpResponse response)
    {
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        var begun = new bool[request.Choices];
        for (; any; any = await parts.MoveNextAsync().ConfigureAwait(false))
        {
            var part = parts.Current;
            _tokens[part.Choice] = part.CompletionTokens;
            // As OpenAI does: first who speaks, without a token. The npm client counts the tokens of a choice's first piece twice.
            if (request.Form.BeginsWithRole && !begun[part.Choice]) await WritePiece(part with { Text = "", End = null }, null, Place.First, response).ConfigureAwait(false);
            await WritePiece(part, TellsTokens ? part.Tokens : null, Place.Later, response).ConfigureAwait(false);
            await response.Body.FlushAsync(response.HttpContext.RequestAborted).ConfigureAwait(false);
            begun[part.Choice] = true;
        }
        if (request.IncludeUsage)
        {
            await response.Body.WriteAsync(Bytes("data: ", json =>
            {
                Begin(json, piece: true);
                json.WriteStartArray("choices");
                json.WriteEndArray();
                WriteUsage(json);
                json.WriteEndObject();
            }, "\n\n"), response.HttpContext.RequestAborted).ConfigureAwait(false);
        }
        await response.Body.WriteAsync("data: [DONE]\n\n"u8.ToArray(), response.HttpContext.RequestAborted).ConfigureAwait(false);
    }

    private async Task WritePiece(AnswerPart part, IReadOnlyList<AnswerToken>? tokens, Place place, HttpResponse response) =>
        await response.Body.WriteAsync(Bytes("data: ", json =>
        {
            Begin(json, piece: true);
            json.WriteStartArray("choices");
            request.Form.WriteChoice(json, part.Choice, part.Text, tokens, part.End, place);
            json.WriteEndArray();
            if (request.IncludeUsage) json.WriteNull("usage");
            json.WriteEndObject();
        }, "\n\n"), response.HttpContext.RequestAborted).ConfigureAwait(false);

    private bool TellsTokens => request.Texts[0].Sampling.TopLogProbs is not null;

    private void Begin(Utf8JsonWriter json, bool piece)
    {
        json.WriteStartObject();
        json.WriteString("id", id);
        json.WriteString("object", request.Form.Kind(piece));
        json.WriteNumber("created", created);
        json.WriteString("model", model);
        json.WriteNull("system_fingerprint");
    }

    private void WriteUsage(Utf8JsonWriter json)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", request.PromptTokens);
        json.WriteNumber("completion_tokens", CompletionTokens);
        json.WriteNumber("total_tokens", request.PromptTokens + CompletionTokens);
        json.WriteEndObject();
    }

    private static byte[] Bytes(string before, Action<Utf8JsonWriter> write, string after)
    {
        var buffer = new ArrayBufferWriter<byte>();
        Encoding.UTF8.GetBytes(before, buffer);
        using (var json = new Utf8JsonWriter(buffer, Options)) write(json);
        Encoding.UTF8.GetBytes(after, buffer);
        return buffer.WrittenSpan.ToArray();
    }
}
