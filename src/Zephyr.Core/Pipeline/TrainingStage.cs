using System.Diagnostics;
using System.Text.Json.Nodes;
using Zephyr.Configuration;
using Zephyr.Data.Text;
using Zephyr.Evaluation.Memory;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Model.Quantization;
using Zephyr.Model.Weights;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Pipeline;

/// <summary>
/// What sft and dpo share around their objective: device, tokenizer, output folder, the checkpoint to go on from, and the run itself.
/// </summary>
internal sealed partial class TrainingStage
{
    private readonly ModelOptions _model;
    private readonly LoraOptions _lora;
    private readonly RunOptions _run;
    private readonly TrainerOptions _options;
    private readonly JsonObject _config;
    private readonly ITrainingObserver _observer;
    private readonly List<string> _notes = [];
    private readonly string _found;
    private JsonObject _ignored = [];

    /// <param name="name">sft or dpo.</param>
    /// <param name="model">Which model to start from.</param>
    /// <param name="lora">Whether an adapter is trained, and which.</param>
    /// <param name="run">Output and seed.</param>
    /// <param name="options">The training loop's keys.</param>
    /// <param name="config">The whole configuration with origins, for run.json.</param>
    /// <param name="session">Resume choice and observer.</param>
    /// <param name="cancellation">Ends the check of the checkpoint that the run goes on from.</param>
    public TrainingStage(string name, ModelOptions model, LoraOptions lora, RunOptions run, TrainerOptions options, JsonObject config, StageSettings session,
        CancellationToken cancellation)
    {
        (Name, _model, _lora, _run, _options, _config, _observer) = (name, model, lora, run, options, config, session.Observer);
        var native = NativeTorch.Load(model.CpuKernels);
        Device = ComputeDevice.Resolve(model.Device);
        if (ComputeDevice.AllowTf32(options.Training.Tf32, Device) is { } tf32) Note(tf32);
        Folder = new(run.OutputDir);
        RequireElsewhere("model_name_or_path", model.ModelNameOrPath);
        Source = ModelSource.Of(model.ModelNameOrPath, lora.BaseModelNameOrPath);
        if (Source.Adapter is not null) RequireElsewhere("base_model_name_or_path", Source.Base);
        if (model.TokenizerNameOrPath is { } tokenizerPath) RequireElsewhere("tokenizer_name_or_path", tokenizerPath);
        if (!native.IsSupported)
            Note($"libtorch {native.Version} is not {NativeTorch.SupportedVersion}.x, which this program is tested with; it passed the self-tests");
        Checkpoint = ResumePoint.Choose(Folder, name, run.OverwriteOutputDir, session.Resume, Note, cancellation);
        _found = Folder.Signature;
        Adapter = StageAdapter.Of(Source, lora, config);
        if (Checkpoint is not null) TrainingState.Read(Checkpoint).RequireSameShape(Checkpoint, ResumePoint.MeaningOfAdapters(config));
        ModelConfig = MistralConfigFile.Read(Adapter is null && Checkpoint is not null ? Checkpoint : Source.Base);
        if (Adapter is null) ModelFolder.RequirePlainWeights(Checkpoint ?? Source.Base, ModelConfig);
        else RequireAdapter(Adapter);
        Tokenizer = MistralTokenizer.Load(model.TokenizerNameOrPath ?? Source.TokenizerFolder);
        Attention = AttentionChoice.Describe(model.AttnImplementation, Device, Dtype, ModelConfig);
        if (Device.type == TorchSharp.DeviceType.CUDA) Note($"attention: {Attention}");
        TextModel.RequireFit(Tokenizer, ModelConfig, model.ModelNameOrPath);
        if (options.Optimizer.Note is { } note) Note(note);
        foreach (var state in options.Optimizer.StateNotes(Device.type == TorchSharp.DeviceType.CPU)) Note(state);
        if (Checkpoint is not null && ResumePoint.ChangesSince(Checkpoint, config).ToList() is { Count: > 0 } changes)
            Note($"{Checkpoint} was written with other values: {string.Join(", ", changes)}");
    }

    /// <summary>sft or dpo.</summary>
    public string Name { get; }

    public Device Device { get; }

    public RunFolder Folder { get; }

    /// <summary>The checkpoint folder to go on from; null for a fresh start.</summary>
    public string? Checkpoint { get; }

    /// <summary>What model_name_or_path names: a plain model, or an adapter on one.</summary>
    public ModelSource Source { get; }

    /// <summary>The adapter that is trained; null where all weights are.</summary>
    public LoraConfig? Adapter { get; }

    public MistralConfig ModelConfig { get; }

    public MistralTokenizer Tokenizer { get; }

    /// <summary>Steps that were taken before the checkpoint to go on from.</summary>
    public int StepsDone => Checkpoint is null ? 0 : TrainingState.Read(Checkpoint).Step;

    /// <summary>The memory of the device.</summary>
    public DeviceRoom Room => DeviceRoom.Of(Device);

    /// <summary>The content of files, each hashed once for all who ask.</summary>
    public FileHashes Hashes { get; } = new();

    private ScalarType Dtype => _options.Training.Bf16 ? ScalarType.BFloat16 : ScalarType.Float32;

    /// <summary>How the frozen model under an adapter is held in 4 bits, and the reference with it; null where both are held whole.</summary>
    public Nf4Settings? Quantization => Nf4Settings.Of(_model);

    public string Precision => (!_options.Training.Bf16 ? "float32"
        : Adapter is null ? "bfloat16 with float32 master weights and moments" : "bfloat16 with float32 adapters and moments") + (Quantization is { } held ? $", {held.Words}" : "");

    /// <summary>Which way attention goes, in words.</summary>
    public string Attention { get; }

    /// <summary>What was noted so far.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Something worth a line. It is told when the run starts: a run that is refused before leaves no log behind.</summary>
    public void Note(string text) => _notes.Add(text);

    /// <summary>How far something long has come that is done before the run starts; told at once.</summary>
    public void Prepared(string what, int done, int total) => _observer.OnPreparation(what, done, total);

    /// <summary>Tells what the configuration holds that changes nothing, or that nobody wrote; run.json has the former too.</summary>
    public void Remark<T>(ResolvedConfig<T> resolved) where T : class
    {
        _ignored = resolved.IgnoredToJson();
        _notes.AddRange(resolved.Notes);
    }

    /// <summary>Works out what a prepared run would do.</summary>
    public RunPlanner Planner => new(_options with { Meaning = ResumePoint.MeaningOf(_config) }, _model);

    /// <summary>Trains and writes the model.</summary>
    /// <param name="run">Everything it starts from.</param>
    /// <param name="policy">What learns.</param>
    /// <param name="objective">What is asked of it.</param>
    /// <param name="cancellation">Finishes the step in hand, saves, and stops.</param>
    /// <exception cref="RunFailedException">A step was not finite, or the output could not be written.</exception>
    public TrainingSummary Train<TExample>(PreparedRun<TExample> run, MistralForCausalLM policy, IObjective<TExample> objective, CancellationToken cancellation)
    {
        var observer = RunObservers.Of(_observer, Folder, _options.Cadence, Checkpoint);
        // Of a run that trains an adapter the model itself is in no checkpoint.
        string[] decisive = [.. run.Files.Train, .. run.Reference is null ? [] : FilesOf(run.Reference), .. Adapter is null ? [] : ModelFiles(Source.Base)];
        var goesOn = Checkpoint is not null && Folder.Holds(Checkpoint);
        var inputs = decisive.Concat(run.Files.All).Concat(FilesOf(_model.ModelNameOrPath)).Concat(TokenizerOf(_model));
        var record = RunRecord.Create(Name, _config, _run.Seed, inputs, Hashes, goesOn ? null : Checkpoint).WithTraining(Device, Precision, Attention, Checkpoint);
        if (Checkpoint is not null && ResumePoint.OtherGround(Checkpoint, record).ToList() is { Count: > 0 } other)
            Note($"{Checkpoint} was written elsewhere, and the last bits of what follows may differ: {string.Join(", ", other)}");
        record["ignored"] = _ignored;
        var options = _options with { Meaning = ResumePoint.MeaningOf(_config, RunRecord.ContentOf(record, decisive)) };
        using var trainer = new Trainer<TExample>(policy, objective, run.Data, options, new(Folder, (folder, master) => WriteModel(folder, policy, master)), observer);
        if (Checkpoint is not null) trainer.Resume(Checkpoint);
        var rehearsed = _options.Watchdogs.Preflight ? trainer.Rehearse(() => run.Less) : null;
        cancellation.ThrowIfCancellationRequested();
        using var claim = Folder.Claim();
        if (Folder.Signature != _found)
            throw new UserErrorException($"output_dir {Folder.Root}: another run has written to it meanwhile, expected a folder of its own for each; the same command goes on from there");
        RunHistory? history = null;
        try
        {
            Folder.Prepare(goesOn ? trainer.Step : 0);
            history = new(Folder.Root, record, goesOn, trainer.Step, trainer.Tokens, TimeProvider.System);
            foreach (var note in _notes) observer.OnNote(note);
            observer.OnNote(trainer.LearningRates);
            if (rehearsed is not null) observer.OnNote(rehearsed);
            if (run.Limit.MaxTokens > 0) observer.OnNote(Describe(trainer.MicroBatches, run.Limit.MaxTokens));
            observer.OnStart(new(Name, trainer.TotalSteps, trainer.Step, trainer.Epochs, policy.Learned.Count,
                Device.ToString(), Precision, trainer.EvaluationDue));
            var watch = Stopwatch.StartNew();
            var interrupted = trainer.Run(cancellation);
            history.End(interrupted ? "interrupted" : "finished", trainer.Step, trainer.Tokens);
            var summary = new TrainingSummary(trainer.Step, watch.Elapsed.TotalSeconds, Folder.Root, interrupted);
            observer.OnEnd(summary);
            return summary;
        }
        catch (Exception error)
        {
            EndFailed(history, trainer.Step, trainer.Tokens);
            if (TorchErrors.IsOutOfMemory(error)) throw run.OutOfMemory(error, $"in step {trainer.Step + 1}");
            if (error is not (IOException or UnauthorizedAccessException)) throw;
            throw new RunFailedException($"output_dir {Folder.Root}: could not be written after step {trainer.Step}: {error.Message}; {Folder.Kept}", error);
        }
    }

    private static void EndFailed(RunHistory? history, int step, long tokens)
    {
        try
        {
            history?.End("failed", step, tokens);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The disk that is full for the run is full for its record; why it failed is what is told.
        }
    }

    /// <summary>The tokenizer's file where it is not the model's.</summary>
    private static IEnumerable<string> TokenizerOf(ModelOptions model) => model.TokenizerNameOrPath switch
    {
        null => [],
        var folder when Directory.Exists(folder) => [Path.Combine(folder, TokenizerFiles.ModelFile)],
        var file => [file],
    };

    private static string Describe(MicroBatchSummary batches, int maxTokens) =>
        $"micro-batches by tokens: {batches.PerStep}; the largest has {batches.MostTokens} tokens of at most {maxTokens}";

    private void RequireElsewhere(string key, string folder)
    {
        if (OutputFolder.IsSame(_run.OutputDir, folder))
            throw new UserErrorException($"output_dir: {_run.OutputDir} is {key} too; expected another folder, or what the run starts from would be lost");
    }
}
