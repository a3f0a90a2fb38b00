using System.Text.Json;
using Zephyr.Model.Generation;

namespace Zephyr.Serving.Http;

/// <summary>What chat and text completions have in common: how to sample, how often, when to stop.</summary>
/// <param name="Sampling">Without log-probabilities, which the two ask for in different ways.</param>
/// <param name="Choices">How many answers.</param>
/// <param name="Stop">Ends of an answer.</param>
/// <param name="Seed">The request's own, if any.</param>
/// <param name="Stream">Piece by piece.</param>
/// <param name="IncludeUsage">With a last piece that counts the tokens.</param>
internal sealed record SamplingFields(SamplingOptions Sampling, int Choices, IReadOnlyList<string> Stop, long? Seed, bool Stream, bool IncludeUsage)
{
    public const int MostChoices = 16, MostStops = 16, LongestStop = 1000, MostBiases = 1024;

    /// <summary>Fields of OpenAI's that change nothing of what a local model answers.</summary>
    private static readonly string[] WithoutEffect = ["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"];

    /// <param name="fields">The request.</param>
    /// <param name="maxTokens">The most tokens, read under the names that the request may have for it.</param>
    public static SamplingFields Read(RequestFields fields, int maxTokens)
    {
        fields.Ignore(WithoutEffect);
        var stream = fields.Flag("stream");
        var sampling = new SamplingOptions(fields.Number("temperature", 1, 0, 2), fields.Number("top_p", 1, 0, 1), TopK(fields), maxTokens)
        {
            PresencePenalty = fields.Number("presence_penalty", 0, -2, 2),
            FrequencyPenalty = fields.Number("frequency_penalty", 0, -2, 2),
            RepetitionPenalty = fields.Number("repetition_penalty", 1, 0.01, 100),
            LogitBias = Biases(fields),
        };
        return new(sampling, (int)(fields.Whole("n", 1, MostChoices) ?? 1), Stops(fields), fields.Whole("seed", long.MinValue, long.MaxValue), stream, UsageOf(fields, stream));
    }

    /// <summary>vLLM's field, where -1 says the same as 0: all.</summary>
    private static int TopK(RequestFields fields) => (int)Math.Max(0, fields.Whole("top_k", -1, int.MaxValue) ?? 0);

    private static bool UsageOf(RequestFields fields, bool stream)
    {
        if (fields.Object("stream_options") is not { } options) return false;
        if (!stream) throw new ApiError(400, "stream_options: goes with stream: true", param: "stream_options");
        options.Ignore("include_obfuscation");
        var include = options.Flag("include_usage");
        options.RefuseOthers();
        return include;
    }

    private static List<string> Stops(RequestFields fields)
    {
        if (fields.Find("stop") is not { } value) return [];
        JsonElement[] all = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : [value];
        var expected = $"a text or a list of at most {MostStops} texts, each of 1 to {LongestStop} characters";
        if (all.Length > MostStops) throw fields.Wrong("stop", value, expected);
        var stops = new List<string>();
        foreach (var one in all)
        {
            if (one.ValueKind != JsonValueKind.String) throw fields.Wrong("stop", one, expected);
            var stop = one.GetString()!;
            if (stop.Length is 0 or > LongestStop) throw ApiError.Of("stop", $"a text of {stop.Length} characters", expected);
            stops.Add(stop);
        }
        return stops;
    }

    private static Dictionary<int, double>? Biases(RequestFields fields)
    {
        if (fields.Find("logit_bias") is not { } value) return null;
        if (value.ValueKind != JsonValueKind.Object) throw fields.Wrong("logit_bias", value, "an object of token ids with a number each");
        var biases = new Dictionary<int, double>();
        foreach (var entry in value.EnumerateObject())
        {
            if (!int.TryParse(entry.Name, System.Globalization.NumberStyles.None, null, out var id) || entry.Value.ValueKind != JsonValueKind.Number
                || !entry.Value.TryGetDouble(out var bias) || !(bias >= -100 && bias <= 100))
                throw fields.Wrong("logit_bias", entry.Value, "token ids with a number from -100 to 100 each");
            if (biases.Count == MostBiases) throw fields.Wrong("logit_bias", value, $"at most {MostBiases} entries");
            biases[id] = bias;
        }
        return biases;
    }
}
