using Zephyr.Model.Adapters;
using Zephyr.Runtime;

namespace Zephyr.Model.Weights;

/// <summary>What a folder that somebody named as a model comes to: a plain model, or an adapter and the plain model under it.</summary>
/// <param name="Folder">As it was named.</param>
/// <param name="Base">The plain model's folder; the same where there is no adapter.</param>
/// <param name="Adapter">The adapter's config; null for a plain model.</param>
public sealed record ModelSource(string Folder, string Base, LoraConfig? Adapter)
{
    /// <summary>Looks at a folder; of the plain model nothing is read.</summary>
    /// <param name="folder">A model or adapter folder.</param>
    /// <param name="baseFolder">The plain model under an adapter, where not the one that its config names.</param>
    /// <exception cref="UserErrorException">The adapter's config is unusable, or the model under it is nowhere.</exception>
    public static ModelSource Of(string folder, string? baseFolder = null)
    {
        if (!AdapterFolder.Is(folder))
            return baseFolder is null || !Directory.Exists(folder) ? new(folder, folder, null)
                : throw new UserErrorException($"{folder}: there is no {AdapterConfigFile.FileName}; expected an adapter folder, as {baseFolder} was given as the plain model under it");
        var adapter = AdapterConfigFile.Read(folder);
        var under = baseFolder ?? adapter.BaseModelNameOrPath
            ?? throw new UserErrorException($"{Path.Combine(folder, AdapterConfigFile.FileName)}: base_model_name_or_path: found nothing, expected the folder of the model that the adapter was trained on");
        if (!Directory.Exists(under))
            throw new UserErrorException($"{folder} is an adapter on {under}, and there is no such folder, relative to the current one{HubName.Hint(under)}"
                + $"; where the model stands elsewhere, {(baseFolder is null ? "say so (base_model_name_or_path in training, --base elsewhere)" : "give its folder")}");
        if (AdapterFolder.Is(under)) throw new UserErrorException($"{folder} is an adapter on {under}, which is an adapter itself: expected a plain model; merge that one first (zephyr merge)");
        return new(folder, under, adapter);
    }

    /// <summary>The folders whose content the model is made of.</summary>
    public IReadOnlyList<string> Folders => Adapter is null ? [Folder] : [Folder, Base];

    /// <summary>The adapter's own tokenizer where it has one, else the model's under it.</summary>
    public string TokenizerFolder => Adapter is not null && !File.Exists(Path.Combine(Folder, "tokenizer.model")) ? Base : Folder;

    /// <summary>The shape of the plain model.</summary>
    /// <exception cref="UserErrorException">Its config.json is unusable.</exception>
    public MistralConfig ReadConfig() => MistralConfigFile.Read(Base);

    /// <summary>Checks by the files' headers what loading would check.</summary>
    /// <exception cref="UserErrorException">Weights or factors do not fit; every difference is listed.</exception>
    public void RequireWeights(MistralConfig config)
    {
        ModelFolder.RequirePlainWeights(Base, config);
        if (Adapter is not null) AdapterFolder.RequireFit(Folder, Adapter, config);
    }
}
