using Zephyr.Configuration;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Pipeline;

/// <content>Which models the stage starts from, and how they are loaded and written.</content>
internal sealed partial class TrainingStage
{
    /// <summary>Refuses a sequence length that the model has no positions for.</summary>
    public void RequirePositions(string key, int length) => TextModel.RequirePositions(ModelConfig, _model.ModelNameOrPath, key, length);

    /// <summary>Loads what learns.</summary>
    /// <param name="dropout">Whether an adapter's dropout is applied in training.</param>
    public MistralForCausalLM LoadPolicy(bool dropout = true)
    {
        if (Adapter is not { } config) return WithAttention(ModelFolder.LoadPlain(Checkpoint ?? Source.Base, Dtype, Device, trainable: true));
        var from = Checkpoint ?? (Source.Adapter is null ? null : Source.Folder);
        var adapter = from is null ? LoraAdapter.Fresh(config, ModelConfig, _run.Seed, Device, dropout)
            : AdapterFolder.Load(from, ModelConfig, Device, trainable: true, _ => config, dropout);
        var model = WithAttention(ModelFolder.LoadPlain(Source.Base, Dtype, Device, trainable: false, Quantization));
        model.Attach(adapter);
        return model;
    }

    /// <summary>A frozen copy of the adapter that the run started from, whatever it has learnt since; null where that was a plain model.</summary>
    public LoraAdapter? LoadStartingAdapter() => Source.Adapter is null ? null : AdapterFolder.Load(Source.Folder, ModelConfig, Device, trainable: false);

    /// <summary>Refuses a reference model that is none, that tokenizer or lengths do not fit, or that the run would overwrite.</summary>
    public void RequireReference(string folder, string key, int length)
    {
        RequireElsewhere("ref_model_name_or_path", folder);
        var source = SourceOf(folder);
        var config = source.ReadConfig();
        TextModel.RequireFit(Tokenizer, config, folder);
        TextModel.RequirePositions(config, folder, key, length);
        source.RequireWeights(config);
        AttentionChoice.Describe(_model.AttnImplementation, Device, Dtype, config);
    }

    public MistralForCausalLM LoadReference(string folder) => WithAttention(ModelFolder.Load(SourceOf(folder), Dtype, Device, trainable: false, Quantization));

    /// <summary>What a folder comes to, with the plain model that the run says stands under its adapters.</summary>
    public ModelSource SourceOf(string folder) => ModelSource.Of(folder, AdapterFolder.Is(folder) ? _lora.BaseModelNameOrPath : null);

    /// <summary>The files whose content a model is made of: those of an adapter and of the model under it.</summary>
    public IEnumerable<string> FilesOf(string folder) => SourceOf(folder).Folders.SelectMany(ModelFiles);

    private MistralForCausalLM WithAttention(MistralForCausalLM model)
    {
        model.ChooseAttention(_model.AttnImplementation);
        return model;
    }

    /// <summary>The files of a model folder whose content matters, by name.</summary>
    public static IEnumerable<string> ModelFiles(string folder) =>
        Directory.EnumerateFiles(folder).Where(path => Path.GetExtension(path) is ".safetensors" or ".json" or ".model").Order(StringComparer.Ordinal);

    private void RequireAdapter(LoraConfig adapter)
    {
        ModelFolder.RequirePlainWeights(Source.Base, ModelConfig);
        if (adapter.ParameterCountOf(ModelConfig) == 0) throw new UserErrorException($"{Source.Folder}: the adapter has no module of {Source.Base}, which has {ModelConfig.NumHiddenLayers} layers");
        if ((Checkpoint ?? (Source.Adapter is null ? null : Source.Folder)) is { } folder) AdapterFolder.RequireFit(folder, adapter, ModelConfig);
        Note(StageAdapter.Describe(adapter, Source, ModelConfig));
        if (Quantization is { } held) Note(StageAdapter.Describe(held, Source.Base));
    }

    /// <summary>torch_dtype says how the weights are written: bf16 as they were used, or the fp32 master copy. An adapter is written as it learns, in fp32.</summary>
    private void WriteModel(string folder, MistralForCausalLM policy, IEnumerable<KeyValuePair<string, Tensor>> master)
    {
        if (Adapter is not null) AdapterFolder.Save(folder, Adapter, master);
        else ModelFolder.Save(folder, policy.Config, _model.TorchDtype == "float32" ? master : policy.Parameters.All, ByteSize.Parse(_options.Cadence.MaxShardSize));
        TokenizerFiles.Write(folder, Tokenizer, policy.Config.MaxPositionEmbeddings);
        File.WriteAllText(Path.Combine(folder, "README.md"), ModelCard.Of(Name, _model.ModelNameOrPath, Adapter is null ? null : Source.Base, _config));
    }
}
