using Zephyr.Configuration;
using Zephyr.Data.Batches;
using Zephyr.Data.Prepared;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Evaluation.Memory;
using Zephyr.Evaluation.Speed;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Model.Quantization;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>What a forecast is told beside the configuration.</summary>
/// <param name="Size">A shape that goes by a name, in place of the model folder's.</param>
/// <param name="Rows">How many training rows there are to be, where they are not there; 0 if that is not known.</param>
/// <param name="DeviceBytes">The device's memory, in place of what is found; null to find it.</param>
/// <param name="HostBytes">The host's memory beside a GPU, in place of what is found; null to find it, or, beside a GPU that is only described, not to ask.</param>
public sealed record ForecastSettings(string? Size, int Rows, long? DeviceBytes, long? HostBytes);

/// <summary>What a run would take, without loading anything, libtorch included: the answer of <c>zephyr plan</c>.</summary>
/// <param name="Stage">sft or dpo.</param>
/// <param name="Model">Where the shape is from.</param>
/// <param name="Setup">What of the keys decides over memory.</param>
/// <param name="Rows">What the rows became; null where they are not there.</param>
/// <param name="LargestTokens">Tokens of the largest micro-batch.</param>
/// <param name="Steps">The run's steps; null where the number of rows is not known.</param>
/// <param name="Memory">Memory beside that of the device.</param>
/// <param name="Cost">Operations of the run, or of one step where <paramref name="Steps"/> is null.</param>
/// <param name="Notes">What is worth a line.</param>
public sealed record StageForecast(string Stage, string Model, MemorySetup Setup, RowPlan? Rows, long LargestTokens, StepPlan? Steps, MemoryForecast Memory, RunCost Cost, IReadOnlyList<string> Notes)
{
    /// <summary>Of SFT.</summary>
    /// <exception cref="UserErrorException">There is no shape, or the device is not to be found; or a row is bad.</exception>
    public static StageForecast OfSft(SftConfig config, ForecastSettings settings, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(settings);
        var (models, origin, tokenizer) = ModelsOf(config.Model, config.Lora, settings.Size);
        var model = models.Policy;
        TextModel.RequirePositions(model, origin, "max_seq_length", config.Sft.MaxSeqLength);
        List<string> notes = [];
        using var rows = ForecastRows<TokenSequence>.Of(tokenizer, config.Data, model, files => new SequenceFormat(files), Tokenized, new(new int[config.Sft.MaxSeqLength]),
            CountsOf(settings, config.Training, config.Data), notes.Add);
        TokenLimit<TokenSequence> limit = new(config.Training.MaxTokensPerBatch, sequence => sequence.Ids.Length);
        limit.RequireRoom(rows.Train, (sequence, index) => sequence.Location?.ToString() ?? $"row {index + 1}", "lower max_seq_length");
        var room = RoomOf(config.Model.Device, settings);
        return Of("sft", origin, rows, data => DistilledSft.ForecastOf(config, models, room.IsCuda, data, limit), room,
            new(config.Training, config.Optimizer, config.Cadence, config.Run.Seed), limit, settings, sequence => (sequence.Ids.Length, sequence.LabelCount, sequence.Ids.Length), notes);

        (IEnumerable<TokenSequence>, IEnumerable<TokenSequence>?) Tokenized(StageFiles files, MistralTokenizer tokenizer)
        {
            var (train, held) = files.Rows(ConversationSchema.Read, ConversationRows.PromptOf, config.Run.Seed, cancellation);
            return (Side("training", train), held is null ? null : Side("held-out", held));

            IEnumerable<TokenSequence> Side(string what, IEnumerable<Data.Conversation> side) =>
                ConversationRows.Tokenize(what, side, files.Bad, tokenizer, config.Sft, config.Data, notes.Add, cancellation);
        }
    }

    /// <summary>Of DPO.</summary>
    /// <inheritdoc cref="OfSft"/>
    public static StageForecast OfDpo(DpoConfig config, ForecastSettings settings, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(settings);
        var (models, origin, tokenizer) = ModelsOf(config.Model, config.Lora, settings.Size);
        var model = models.Policy;
        TextModel.RequirePositions(model, origin, "max_length", config.Dpo.MaxLength);
        List<string> notes = [];
        using var rows = ForecastRows<TokenizedPair>.Of(tokenizer, config.Data, model, files => new PairFormat(files), Tokenized, LongestPair(config.Dpo),
            CountsOf(settings, config.Training, config.Data), notes.Add);
        var limit = DistilledDpo.LimitOf(config, rows.Train, rows.Held);
        if (config.Dpo.Reference == "frozen")
        {
            var folder = config.Dpo.RefModelNameOrPath;
            models = models with { Reference = settings.Size is not null || folder is null ? model : ModelSource.Of(folder, AdapterFolder.Is(folder) ? config.Lora.BaseModelNameOrPath : null).ReadConfig() };
        }
        var room = RoomOf(config.Model.Device, settings);
        return Of("dpo", origin, rows, data => DistilledDpo.ForecastOf(config, models, room.IsCuda, data, limit), room,
            new(config.Training, config.Optimizer, config.Cadence, config.Run.Seed), limit, settings, DistilledDpo.Count, notes);

        (IEnumerable<TokenizedPair>, IEnumerable<TokenizedPair>?) Tokenized(StageFiles files, MistralTokenizer tokenizer)
        {
            var (train, held) = files.Rows(PreferenceSchema.Read, PairRows.PromptOf, config.Run.Seed, cancellation);
            return (Side("training", train), held is null ? null : Side("held-out", held));

            IEnumerable<TokenizedPair> Side(string what, IEnumerable<Data.PreferencePair> side) =>
                PairRows.Tokenize(what, side, files.Bad, tokenizer, config.Dpo, config.Data, notes.Add, cancellation);
        }
    }

    private static StageForecast Of<T>(string stage, string origin, ForecastRows<T> rows, Func<TrainingData<T>, RunForecast<T>> forecastOf, DeviceRoom room,
        TrainerOptions options, TokenLimit<T> limit, ForecastSettings settings, Func<T, (int, int, int)> count, List<string> notes)
    {
        var known = rows.Real || settings.Rows > 0 || options.Training.MaxSteps != -1;
        if (!known) options = options with { Training = options.Training with { MaxSteps = 1 } };
        TrainingData<T> data = new(rows.Train, rows.Held);
        var batches = BatchPlan.Of(data, options, limit.TokensOf);
        var steps = RunPlanner.StepsOf(options, batches, 0, batches.TotalSteps(options.Training.NumTrainEpochs, options.Training.MaxSteps), rows.Held.Count > 0);
        var forecast = forecastOf(data);
        // How many rows are held out is not known where they are not there; one batch of them is what memory goes by.
        var cost = rows.Real ? forecast.Cost(steps) : forecastOf(new(rows.Train, [])).Cost(steps);
        return new(stage, origin, forecast.Setup, rows.Real ? new(stage == "sft" ? "sequences" : "pairs", RunPlanner.Sum(rows.Train, count), RunPlanner.Sum(rows.Held, count)) : null,
            steps.MicroBatches.MostTokens, known ? steps : null, forecast.Memory(room, 0), cost, notes);
    }

    /// <summary>The shapes, what to call them, and where the tokenizer is.</summary>
    private static (ForecastModels Models, string Origin, string Tokenizer) ModelsOf(ModelOptions options, LoraOptions lora, string? size)
    {
        var folder = options.ModelNameOrPath;
        if (size is not null) return (new(NamedSizes.Of(size), null, lora.UsePeft ? LoraConfig.Of(lora, "") : null, false, Nf4Settings.Of(options)), $"a model of the shape {size}", options.TokenizerNameOrPath ?? folder);
        var source = ModelSource.Of(folder, AdapterFolder.Is(folder) ? lora.BaseModelNameOrPath : null);
        var adapter = !lora.UsePeft ? null : source.Adapter ?? LoraConfig.Of(lora, source.Base);
        return (new(source.ReadConfig(), null, adapter, source.Adapter is not null, Nf4Settings.Of(options)), folder, options.TokenizerNameOrPath ?? source.TokenizerFolder);
    }

    /// <summary>What is given counts as a GPU's unless the configuration says cpu.</summary>
    private static DeviceRoom RoomOf(string device, ForecastSettings settings)
    {
        var room = Found(device, settings.DeviceBytes);
        return settings.HostBytes is { } host && room.IsCuda ? room with { HostBytes = host } : room;
    }

    private static DeviceRoom Found(string device, long? given)
    {
        if (given is { } bytes) return device == "cpu" ? new("the CPU, as given", bytes, IsCuda: false) : new("a GPU, as given", bytes, IsCuda: true);
        if (device == "cpu") return DeviceRoom.OfCpu;
        var index = device.StartsWith("cuda:", StringComparison.Ordinal) ? int.Parse(device.AsSpan(5), System.Globalization.CultureInfo.InvariantCulture) : 0;
        return DeviceRoom.OfCuda(index) ?? (device == "auto" ? DeviceRoom.OfCpu
            : throw new UserErrorException($"device: {device} was asked for and no such GPU is found; expected one, or its memory with --device_memory"));
    }

    /// <summary>As many rows as are said, or as one step has.</summary>
    private static (int Train, int Held) CountsOf(ForecastSettings settings, TrainingOptions training, DataOptions data) => (
        settings.Rows > 0 ? settings.Rows : (int)Math.Min(100_000, (long)training.PerDeviceTrainBatchSize * training.GradientAccumulationSteps),
        data.HoldsRowsOut ? training.PerDeviceEvalBatchSize : 0);

    /// <summary>A prompt of max_prompt_length, and answers that fill max_length.</summary>
    private static TokenizedPair LongestPair(DpoOptions options)
    {
        var prompt = Math.Clamp(options.MaxPromptLength, 1, options.MaxLength - 1);
        var answer = new int[options.MaxLength - prompt];
        return new(new("rows", 1, false), new int[prompt], answer, answer);
    }
}
