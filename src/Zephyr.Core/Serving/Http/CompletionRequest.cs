using System.Text.Json;

namespace Zephyr.Serving.Http;

/// <summary>POST /v1/completions: texts are continued as they stand, without the chat template.</summary>
internal static class CompletionRequest
{
    private const int MostPrompts = 64, MostLogProbs = 20, UsualTokens = 16;

    public static ApiRequest Read(RequestReader reader, RequestFields fields)
    {
        var common = SamplingFields.Read(fields, (int)Math.Min(int.MaxValue, fields.Whole("max_tokens", 1, long.MaxValue) ?? UsualTokens));
        fields.Refuse("echo", value => value.ValueKind == JsonValueKind.False, "the prompt is not repeated");
        fields.Refuse("suffix", value => value.ValueKind == JsonValueKind.String && value.ValueEquals(""), "text is only added at the end");
        fields.Refuse("best_of", value => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var of) && of == common.Choices, "all n answers are given");
        var sampling = common.Sampling with { TopLogProbs = (int?)fields.Whole("logprobs", 0, MostLogProbs) };
        if (fields.Find("prompt") is not { } value) throw new ApiError(400, "prompt: found nothing, expected a text, token ids, or a list of them", param: "prompt");
        var texts = Prompts(value, reader.Service).Select(ids => new TextRequest(ids, sampling)
        {
            Choices = common.Choices,
            Seed = common.Seed,
            Stop = common.Stop,
            ContinuesText = true,
        }).ToList();
        return new(texts, common.Stream, common.IncludeUsage, new CompletionForm(reader.Service.Tokenizer));
    }

    private static IEnumerable<int[]> Prompts(JsonElement value, GenerationService service)
    {
        if (value.ValueKind == JsonValueKind.String) return [Encoded(value, service)];
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0) throw Wrong(value);
        if (value[0].ValueKind == JsonValueKind.Number) return [Ids(value)];
        if (value.GetArrayLength() > MostPrompts) throw ApiError.Of("prompt", RequestFields.Found(value), $"at most {MostPrompts} prompts");
        return value.EnumerateArray().Select(one => one.ValueKind == JsonValueKind.String ? Encoded(one, service) : Ids(one));
    }

    private static int[] Encoded(JsonElement text, GenerationService service) => service.Tokenizer.Encode(text.GetString()!, addBos: true);

    /// <summary>As they are: whoever sends ids has put &lt;s&gt; in front.</summary>
    private static int[] Ids(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0) throw Wrong(value);
        return [.. value.EnumerateArray().Select(id => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out var number) ? number : throw Wrong(id))];
    }

    private static ApiError Wrong(JsonElement value) => ApiError.Of("prompt", RequestFields.Found(value), "a text, a list of token ids, or a list of texts or of lists of token ids");
}
