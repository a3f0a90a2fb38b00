using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Evaluation.Speed;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Model.Quantization;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using static Zephyr.Configuration.Check;

namespace Zephyr.Cli.Commands;

/// <summary>What both benchmarks can be told. The keys of a run mean what they mean there; batch size and rate are the peer scripts'.</summary>
internal sealed record BenchOptions : IOptionGroup
{
    [ConfigKey("random weights of a shape that goes by a name: bench58m, mistral7b, mistral7b-8layers, tiny")]
    public string? Size { get; init; }

    [ConfigKey("or a model folder: config.json, *.safetensors")]
    public string? Model { get; init; }

    [ConfigKey("JSON Lines file of {\"prompt_ids\": [...], \"chosen_ids\": [...], \"rejected_ids\": [...]}", Required = true)]
    public string Pairs { get; init; } = "";

    [ConfigKey("optimizer steps that are timed")]
    public int Steps { get; init; } = 4;

    [ConfigKey("optimizer steps before the clock starts")]
    public int Warm { get; init; } = 1;

    [ConfigKey("sequences (sft) or pairs (dpo) in a micro-batch")]
    public int PerDeviceTrainBatchSize { get; init; } = 4;

    [ConfigKey("micro-batches in one optimizer step")]
    public int GradientAccumulationSteps { get; init; } = 1;

    [ConfigKey("divide a step's rows into micro-batches of at most so many tokens, instead of by their number; 0 for no limit")]
    public int MaxTokensPerBatch { get; init; }

    [ConfigKey("recompute each layer in the backward pass instead of keeping its activations")]
    public bool GradientCheckpointing { get; init; }

    [ConfigKey("with gradient_checkpointing: recompute every k-th layer only")]
    public int GradientCheckpointingEvery { get; init; } = 1;

    [ConfigKey("train bf16 weights with an fp32 master copy and fp32 moments")]
    public bool Bf16 { get; init; }

    [ConfigKey("QLoRA: hold the linear maps of the layers in 4 bits (NF4), under the adapter that is trained (with use_peft)", Name = "load_in_4bit")]
    public bool LoadIn4Bit { get; init; }

    [ConfigKey("with load_in_4bit: hold the factors of the blocks in 8 bits too (double quantization)", Alias = "bnb_4bit_use_double_quant")]
    public bool UseBnbNestedQuant { get; init; }

    [ConfigKey("the same rate at every step")]
    public double LearningRate { get; init; } = 5e-7;

    [ConfigKey("adamw_torch, rmsprop")]
    public string Optim { get; init; } = "adamw_torch";

    [ConfigKey("where moments and fp32 master weights live: device, or host (gradients go there, the CPU makes the update, the weights come back)")]
    public string OptimStateDevice { get; init; } = "device";

    [ConfigKey("data type of the moments: float32, or bfloat16 (half the memory, rounded up or down at random)")]
    public string OptimStateDtype { get; init; } = "float32";

    [ConfigKey("seed of random weights")]
    public long Seed { get; init; } = 42;

    [ConfigKey("auto, cpu, cuda or cuda:N")]
    public string Device { get; init; } = "auto";

    [ConfigKey("matrix products on the CPU: default, or native (the processor's widest instructions, also on AMD)")]
    public string CpuKernels { get; init; } = "default";

    [ConfigKey("how attention is computed: auto, sdpa, flash_attention_2")]
    public string AttnImplementation { get; init; } = "auto";

    [ConfigKey("float32 products on CUDA may round what they multiply to TF32")]
    public bool Tf32 { get; init; }

    [ConfigKey("the card's dense bf16 rate for the utilisation, in 10^12 operations a second; 0 for the published one, where the card is known")]
    public double PeakTflops { get; init; }

    [ConfigKey("one JSON document instead of a table")]
    public bool Json { get; init; }

    private TrainingOptions Training => new()
    {
        PerDeviceTrainBatchSize = PerDeviceTrainBatchSize,
        GradientAccumulationSteps = GradientAccumulationSteps,
        MaxTokensPerBatch = MaxTokensPerBatch,
        GradientCheckpointing = GradientCheckpointing,
        GradientCheckpointingEvery = GradientCheckpointingEvery,
        Bf16 = Bf16,
        Tf32 = Tf32,
    };

    private OptimizerOptions Optimizer => new() { LearningRate = LearningRate, LrSchedulerType = "constant", Optim = Optim, OptimStateDevice = OptimStateDevice, OptimStateDtype = OptimStateDtype };

    private ModelOptions Held => new() { LoadIn4Bit = LoadIn4Bit, UseBnbNestedQuant = UseBnbNestedQuant };

    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. Size is null == Model is null ? [new ConfigProblem("size", "give one of --size and --model")] : Array.Empty<ConfigProblem>(),
        .. AtLeast("steps", Steps, 1), .. AtLeast("warm", Warm, 0), .. Training.Validate(), .. Optimizer.Validate(), .. ModelOptions.CheckDevice(Device),
        .. OneOf("cpu_kernels", CpuKernels, "default", "native"), .. ModelOptions.CheckAttention(AttnImplementation), .. AtLeast("peak_tflops", PeakTflops, 0),
    ];

    /// <summary>What the keys of adapters and of 4-bit weights say only together.</summary>
    public IEnumerable<ConfigProblem> CheckWith(LoraOptions lora) => [.. StageChecks.Quantization(Held, lora), .. StageChecks.Adapter(lora)];

    /// <summary>Reads the pairs and describes the model; nothing is loaded yet.</summary>
    /// <param name="lora">Whether an adapter is trained, and which.</param>
    /// <param name="dropout">Whether the adapter's dropout is applied.</param>
    /// <param name="pairs">What was read.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="UserErrorException">The file, the size or the folder is not usable.</exception>
    public BenchmarkSettings Settings(LoraOptions lora, bool dropout, out List<TokenizedPair> pairs, CancellationToken cancellation)
    {
        if (lora.BaseModelNameOrPath is { } under) throw new UserErrorException($"--base_model_name_or_path: found {under}, expected nothing: a new adapter on --size or --model is timed");
        NativeTorch.Load(CpuKernels);
        var config = Model is null ? NamedSizes.Of(Size!) : MistralConfigFile.Read(Model);
        pairs = [.. TokenPairSchema.Read([Pairs]).Until(cancellation)];
        foreach (var pair in pairs)
        {
            RequireIds(pair, "prompt_ids", pair.PromptIds, config);
            RequireIds(pair, "chosen_ids", pair.ChosenIds, config);
            RequireIds(pair, "rejected_ids", pair.RejectedIds, config);
            RequirePositions(pair, config);
        }
        if (Model is not null) ModelFolder.RequirePlainWeights(Model, config);
        var dtype = Bf16 ? TorchSharp.torch.ScalarType.BFloat16 : TorchSharp.torch.ScalarType.Float32;
        var device = ComputeDevice.Resolve(Device);
        ComputeDevice.AllowTf32(Tf32, device);
        AttentionChoice.Describe(AttnImplementation, device, dtype, config);
        var model = new BenchmarkModel(config, Model, Seed, dtype, device)
        {
            AttnImplementation = AttnImplementation,
            Lora = lora.UsePeft ? LoraConfig.Of(lora, Model ?? Size!) : null,
            AppliesDropout = dropout,
            Quantization = Nf4Settings.Of(Held),
        };
        return new(model, Training, Optimizer, Warm, Steps);
    }

    /// <summary>The card's name as its driver says it; null on the CPU.</summary>
    public static string? Gpu(BenchmarkSettings settings) => settings.Model.Device.type == TorchSharp.DeviceType.CUDA
        ? CudaDriver.Devices.ElementAtOrDefault(Math.Max(0, settings.Model.Device.index))?.Name : null;

    /// <summary>What a utilisation is measured by, in operations a second: what was given, or what the maker states for dense bf16; null where neither is known.</summary>
    public double? PeakRate(BenchmarkSettings settings) => PeakTflops > 0 ? PeakTflops * 1e12
        : Bf16 && Gpu(settings) is { } name ? PublishedRates.DenseBf16(name) : null;

    private static void RequirePositions(TokenizedPair pair, MistralConfig config)
    {
        if (pair.PromptIds.Length + Math.Max(pair.ChosenIds.Length, pair.RejectedIds.Length) is var length && length > config.MaxPositionEmbeddings)
            throw new BadRowException(pair.Location, "", $"{length} token ids",
                $"prompt and answer of at most {config.MaxPositionEmbeddings} together (the model's max_position_embeddings)");
    }

    private static void RequireIds(TokenizedPair pair, string field, int[] ids, MistralConfig config)
    {
        if (Array.Find(ids, id => id >= config.VocabSize) is var high and not 0)
            throw new BadRowException(pair.Location, field, $"{high}", $"token ids under the vocabulary size {config.VocabSize}");
    }
}
