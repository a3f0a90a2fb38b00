using System.Text.Json;

namespace Zephyr.Serving.Http;

/// <summary>What is told of the one model, and of the server.</summary>
internal sealed class ModelPages(GenerationService service, string name, long created)
{
    /// <summary>GET /health.</summary>
    public void WriteHealth(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("status", "ok");
        json.WriteString("model", name);
        json.WriteNumber("open", service.Open);
        json.WriteEndObject();
    }

    /// <summary>GET /v1/models.</summary>
    public void WriteModels(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        WriteModel(json);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>GET /v1/models/NAME.</summary>
    public void WriteModel(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id", name);
        json.WriteString("object", "model");
        json.WriteNumber("created", created);
        json.WriteString("owned_by", "zephyr");
        json.WriteNumber("max_model_len", service.Room);
        json.WriteEndObject();
    }
}
