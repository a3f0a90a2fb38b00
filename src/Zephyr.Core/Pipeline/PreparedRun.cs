using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Prepared;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>A run that has read and checked everything it starts from and written nothing: the next thing is its first step.</summary>
/// <param name="Stage">Model, tokenizer, output folder.</param>
/// <param name="Files">Where the rows came from.</param>
/// <param name="Rows">Tokenized rows. Owned.</param>
/// <param name="Limit">The most tokens of a micro-batch, and what a row counts for; no row alone is over it.</param>
/// <param name="Reference">Folder of the reference model, where there is one.</param>
/// <param name="ReferenceStays">Whether it is in memory while training.</param>
internal sealed record PreparedRun<TExample>(TrainingStage Stage, StageFiles Files, PreparedFile<TExample> Rows, TokenLimit<TExample> Limit,
    string? Reference = null, bool ReferenceStays = true) : IDisposable
{
    /// <summary>Says for messages where a training row came from, given the row and its index.</summary>
    public required Func<TExample, int, string> PlaceOf { get; init; }

    /// <summary>What it will take: memory, operations.</summary>
    public required RunForecast<TExample> Forecast { get; init; }

    /// <summary>The rows as the trainer takes them.</summary>
    public TrainingData<TExample> Data => new(Rows.Train, Rows.Held) { PlaceOf = index => PlaceOf(Rows.Train[index], index) };

    /// <summary>What preflight looks at before the weights are loaded: the first rows, and the disk. A rehearsal shows what it finds of the disk and refuses nothing.</summary>
    /// <exception cref="UserErrorException">Tokenizer and template do not fit, or the checkpoints do not fit the disk.</exception>
    public void Check(bool rehearsal, DataOptions data, IReadOnlyList<Conversation> first)
    {
        Stage.Note(new TemplateRoundTrip(Stage.Tokenizer, data.AutoInsertEmptySystemMsg).Check(first));
        if (!rehearsal) Stage.Planner.RequireDisk(this);
    }

    /// <summary>Refuses a run that cannot fit its device, before anything is loaded.</summary>
    /// <exception cref="UserErrorException">It cannot, by count.</exception>
    public void RequireMemory() => Forecast.Memory(Stage.Room, Stage.StepsDone).Require();

    /// <summary>The sentence of a run that found no memory, with what the count says and what would take less.</summary>
    /// <param name="error">What was thrown.</param>
    /// <param name="when">"in step 3".</param>
    public RunFailedException OutOfMemory(Exception error, string when) =>
        new($"out of memory on {Stage.Device} {when}: {TorchErrors.Reason(error)}; {Stage.Folder.Kept}; {Less}", error);

    /// <summary>What the run needs by count, and what would take less.</summary>
    public string Less => Forecast.Memory(Stage.Room, Stage.StepsDone).Less;

    /// <inheritdoc/>
    public void Dispose() => Rows.Dispose();
}
