using Zephyr.Configuration;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Weights;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training.Watchdogs;

/// <summary>Eleven pairs, some of which poison their step: 3 epochs of 3 steps.</summary>
internal sealed class PoisonedRun : IDisposable
{
    private readonly MistralForCausalLM _reference;
    private readonly CompositeObserver _observer;
    private readonly string _root;
    private int _asked;

    public PoisonedRun(string root, Func<int, bool> isPoisoned, bool inLoss, Func<WatchdogOptions, WatchdogOptions>? watch = null, bool bf16 = false,
        int? resume = null, float poison = float.NaN, bool onlyTogether = false, int saving = 9)
    {
        _root = Directory.CreateDirectory(root).FullName;
        var dtype = bf16 ? ScalarType.BFloat16 : ScalarType.Float32;
        var checkpoint = resume is { } step ? Path.Combine(root, $"checkpoint-{step}") : null;
        Model = checkpoint is null ? TinyTraining.Model(dtype) : ModelFolder.Load(checkpoint, dtype, CPU, trainable: true);
        _reference = TinyTraining.Model(dtype, trainable: false, seed: 2);
        // Together means: the micro-batches of the step itself, of which there are two before anything is looked for.
        Objective = new(TinyTraining.Dpo(Model, _reference), Model, pair => isPoisoned((int)pair.Location.Number) && (!onlyTogether || _asked++ < 2), inLoss, poison);
        var rows = TinyTraining.Pairs(11);
        var options = TinyTraining.Options(3, logging: 1, saving: saving) with { Watchdogs = watch?.Invoke(new()) ?? new() };
        _observer = new(new MetricsFiles(root), Notes);
        Trainer = new(Model, Objective, new(rows, []) { PlaceOf = row => $"{rows[row].Location}" }, options, TinyTraining.Output(root), _observer);
        if (checkpoint is not null) Trainer.Resume(checkpoint);
    }

    public MistralForCausalLM Model { get; }

    public PoisonedObjective<TokenizedPair> Objective { get; }

    public NoteTaker Notes { get; } = new();

    public Trainer<TokenizedPair> Trainer { get; }

    /// <summary>Trains to the end, or until after a step.</summary>
    /// <returns>Whether it was stopped.</returns>
    public bool Run(int? stopAfter = null)
    {
        _observer.OnStart(new("test", Trainer.TotalSteps, Trainer.Step, 3, 0, "cpu", ""));
        while (Trainer.Step < stopAfter) Trainer.TakeStep();
        using var stopped = new CancellationTokenSource();
        if (stopAfter is not null) stopped.Cancel();
        return Trainer.Run(stopped.Token);
    }

    /// <summary>The bits of all weights.</summary>
    public byte[] Weights() => [.. Model.Parameters.All.SelectMany(weight => weight.Value.bytes.ToArray())];

    /// <summary>Weights and moments as a checkpoint holds them.</summary>
    public string State()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_root, "state")).FullName;
        Trainer.WriteCheckpoint(folder);
        return string.Join(' ', ((string[])["model.safetensors", "optimizer.safetensors"])
            .Select(file => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, file))))));
    }

    public void Dispose()
    {
        Trainer.Dispose();
        Model.Dispose();
        _reference.Dispose();
    }
}
