using System.Text.Json;
using Zephyr.Configuration;
using Zephyr.Model;
using Zephyr.Model.Quantization;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Pipeline;

/// <summary>Loads models that answer or are evaluated, held as they are asked for.</summary>
public static class ModelLoading
{
    /// <summary>Loads a model without gradients.</summary>
    /// <param name="source">What the folder came to.</param>
    /// <param name="options">Where it goes, and how its weights are held.</param>
    /// <exception cref="UserErrorException">The folder holds no such model, or there is no such device.</exception>
    public static MistralForCausalLM Load(ModelSource source, LoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        NativeTorch.Load(options.CpuKernels);
        var device = ComputeDevice.Resolve(options.Device);
        // Some containers turn it on for all.
        ComputeDevice.AllowTf32(false, device);
        var half = options.Dtype == "bfloat16" || (options.Dtype == "auto" && ComputeDevice.HasBfloat16(device));
        return ModelFolder.Load(source, half ? ScalarType.BFloat16 : ScalarType.Float32, device, trainable: false, Nf4Settings.Of(options));
    }

    /// <summary>What is to be known of a model that is held otherwise than its adapter was trained beside, as a sentence; null for nothing.</summary>
    /// <param name="source">What the folder came to.</param>
    /// <param name="options">How its weights are held.</param>
    public static string? Note(ModelSource source, LoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Adapter is null || TrainedBeside(source.Folder) is not { } trained || Nf4Settings.Of(options) is var held && held == trained) return null;
        return $"the adapter {source.Folder} was trained beside {trained.Words} and is used beside {held?.Words ?? "whole weights"}: "
            + $"load_in_4bit: true with use_bnb_nested_quant: {(trained.Nested ? "true" : "false")} gives those that it was trained beside";
    }

    /// <summary>The weights of 4 bits that an adapter was trained beside, where the run that wrote it, or a checkpoint of it, says so: adapter_config.json has no word for it.</summary>
    /// <returns>null for whole weights, and where nobody says.</returns>
    internal static Nf4Settings? TrainedBeside(string adapter)
    {
        var config = new[] { adapter, Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(adapter))) }
            .OfType<string>().Select(RunRecord.Read).FirstOrDefault(record => record is not null)?["config"];
        return IsOn("load_in_4bit") ? new(IsOn("use_bnb_nested_quant")) : null;

        bool IsOn(string key) => config?[key]?["value"]?.GetValueKind() == JsonValueKind.True;
    }
}
