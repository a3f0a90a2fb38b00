using Microsoft.Extensions.AI;
using Zephyr.Configuration;
using Zephyr.Runtime;
using Zephyr.Serving;

namespace Zephyr.Pipeline;

/// <summary>A model folder that answers: loaded, with a service in front of it. Owns both.</summary>
public sealed class LocalModel : IDisposable
{
    private readonly TextModel _model;

    private LocalModel(TextModel model, GenerationService service) => (_model, Service) = (model, service);

    /// <summary>Answers requests, many at a time.</summary>
    public GenerationService Service { get; }

    /// <summary>What is to be known of how it was loaded, as a sentence; null for nothing.</summary>
    public string? Note => _model.Note;

    /// <summary>Loads a model and makes it ready to answer.</summary>
    /// <param name="folder">config.json, *.safetensors, tokenizer.model; or an adapter folder.</param>
    /// <param name="limits">What it may take.</param>
    /// <param name="loading">Where it goes, and how its weights are held; null for the defaults.</param>
    /// <param name="baseFolder">The plain model under an adapter, where not the one that its config names.</param>
    /// <exception cref="UserErrorException">The folder holds no such model.</exception>
    /// <exception cref="RunFailedException">There is no room for keys and values.</exception>
    public static LocalModel Load(string folder, ServiceLimits limits, LoadOptions? loading = null, string? baseFolder = null)
    {
        var model = TextModel.Load(folder, loading ?? new(), baseFolder);
        try
        {
            return new(model, new(model.Model, model.Tokenizer, limits));
        }
        catch (Exception error)
        {
            model.Dispose();
            if (!TorchErrors.IsOutOfMemory(error)) throw;
            throw new RunFailedException($"{folder}: memory ran out while room for keys and values was made ({TorchErrors.Reason(error)}); expected a smaller max_cache_tokens", error);
        }
    }

    /// <summary>The model as a chat client: calls under way at the same time are one batch.</summary>
    /// <param name="name">How it is called.</param>
    /// <param name="addSystemTurn">An empty system turn goes in front of a conversation that has none.</param>
    public IChatClient Client(string name, bool addSystemTurn = false) => new LocalChatClient(Service, name, addSystemTurn);

    /// <summary>Gives up what is under way and frees the model.</summary>
    public void Dispose()
    {
        Service.Dispose();
        _model.Dispose();
    }
}
