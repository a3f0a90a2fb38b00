using System.Text.Json;

namespace Zephyr.Serving.Http;

/// <summary>A request that is understood.</summary>
/// <param name="Texts">What to continue; each with its number of answers.</param>
/// <param name="Stream">Piece by piece.</param>
/// <param name="IncludeUsage">With a last piece that counts the tokens.</param>
/// <param name="Form">How the answer is written.</param>
internal sealed record ApiRequest(IReadOnlyList<TextRequest> Texts, bool Stream, bool IncludeUsage, AnswerForm Form)
{
    /// <summary>Tokens of the prompts; several answers of one prompt count it once, as for OpenAI.</summary>
    public int PromptTokens => Texts.Sum(text => text.PromptIds.Length);

    /// <summary>How many answers there will be.</summary>
    public int Choices => Texts.Sum(text => text.Choices);
}

/// <summary>How requests are read: which model there is, and what it was trained with.</summary>
/// <param name="Service">The model.</param>
/// <param name="Name">How it is called.</param>
/// <param name="AddSystemTurn">An empty system turn goes in front of a conversation that has none.</param>
internal sealed record RequestReader(GenerationService Service, string Name, bool AddSystemTurn)
{
    /// <exception cref="ApiError">The request is refused.</exception>
    public ApiRequest Read(JsonElement json, Func<RequestReader, RequestFields, ApiRequest> read)
    {
        if (json.ValueKind != JsonValueKind.Object) throw new ApiError(400, $"the body: found {RequestFields.Found(json)}, expected a JSON object");
        var fields = new RequestFields(json);
        if (fields.Text("model") is not { } model) throw new ApiError(400, "model: found nothing, expected a model's name (GET /v1/models lists them)", param: "model");
        if (model != Name) throw UnknownModel();
        var request = read(this, fields);
        fields.RefuseOthers();
        return request;
    }

    public ApiError UnknownModel() => new(404, $"The model does not exist; there is {Name}", param: "model", code: "model_not_found");
}
