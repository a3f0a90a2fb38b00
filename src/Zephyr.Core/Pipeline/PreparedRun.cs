using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>A run that has read and checked everything it starts from and written nothing: the next thing is its first step.</summary>
/// <param name="Stage">Model, tokenizer, output folder.</param>
/// <param name="Files">Where the rows came from.</param>
/// <param name="Data">Tokenized rows.</param>
/// <param name="Limit">The most tokens of a micro-batch, and what a row counts for; no row alone is over it.</param>
/// <param name="Reference">Folder of the reference model, where there is one.</param>
/// <param name="ReferenceStays">Whether it is in memory while training.</param>
internal sealed record PreparedRun<TExample>(TrainingStage Stage, StageFiles Files, TrainingData<TExample> Data, TokenLimit<TExample> Limit,
    string? Reference = null, bool ReferenceStays = true);
