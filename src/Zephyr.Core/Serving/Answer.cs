using System.Threading.Channels;
using Zephyr.Data.Text;
using Zephyr.Model.Generation;

namespace Zephyr.Serving;

/// <summary>One answer as it grows: tokens come in, text that is certain goes out.</summary>
internal sealed class Answer
{
    private readonly int _choice;
    private readonly ChannelWriter<AnswerPart> _output;
    private readonly IncrementalDecoder _decoder;
    private readonly StopStrings _stops;
    private readonly bool _tellsTokens;
    private readonly Queue<AnswerToken> _untold = [];
    private int _decoded, _shown, _count;

    public Answer(int choice, TextRequest request, MistralTokenizer tokenizer, ChannelWriter<AnswerPart> output)
    {
        (_choice, _output, _decoder, _stops) = (choice, output, new(tokenizer), new(request.Stop));
        _tellsTokens = request.Sampling.TopLogProbs is not null;
        if (!request.ContinuesText) return;
        foreach (var id in request.PromptIds) _ = _decoder.Append(id);
        // A character that the prompt breaks off has been shown already, in what way soever.
        _ = _decoder.Flush();
    }

    /// <summary>Takes a token; false where a stop string has come.</summary>
    public bool Accept(ChosenToken token)
    {
        _count++;
        if (_tellsTokens) _untold.Enqueue(new(token, _decoded));
        Show(_decoder.Append(token.Id), end: null);
        return !_stops.Reached;
    }

    /// <summary>Writes the last piece, but for an answer that was given up or failed, which has none.</summary>
    public void Finish(AnswerEnd end)
    {
        if (end is AnswerEnd.Cancelled or AnswerEnd.Failed) return;
        Show(_decoder.Flush(), end);
    }

    private void Show(string decoded, AnswerEnd? end)
    {
        _decoded += decoded.Length;
        var text = _stops.Append(decoded) + (end is null ? "" : _stops.Flush());
        _shown += text.Length;
        if (_stops.Reached && end is not null) end = AnswerEnd.Stopped;
        List<AnswerToken> tokens = [];
        // Tokens without text of their own (part of a character) go with what comes next; at the end all that begin in the text are told.
        while (_untold.TryPeek(out var next) && (next.Start < _shown || (end is not null && !_stops.Reached))) tokens.Add(_untold.Dequeue());
        if (text.Length > 0 || tokens.Count > 0 || end is not null) _ = _output.TryWrite(new(_choice, text, tokens, end, _count));
    }
}
