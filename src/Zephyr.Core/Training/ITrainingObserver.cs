namespace Zephyr.Training;

/// <summary>Who watches a run: the console, the metrics file. The library itself never prints.</summary>
public interface ITrainingObserver
{
    /// <summary>While something long is done before the first step, after every portion; not everybody wants to know.</summary>
    /// <param name="what">What is done, in the plural: "reference log-probabilities".</param>
    /// <param name="done">How many of them are.</param>
    /// <param name="total">Out of how many.</param>
    void OnPreparation(string what, int done, int total) { }

    /// <summary>Before the first step.</summary>
    void OnStart(TrainingPlan plan);

    /// <summary>After every optimizer step.</summary>
    void OnStep(StepReport report);

    /// <summary>After an evaluation.</summary>
    void OnEvaluation(EvaluationReport report);

    /// <summary>After a checkpoint is on disk as a whole.</summary>
    void OnCheckpoint(string path, int afterStep);

    /// <summary>Something worth a line that is none of the above.</summary>
    void OnNote(string text);

    /// <summary>After the last step, or when a run was interrupted.</summary>
    void OnEnd(TrainingSummary summary);
}

/// <summary>What a run is about to do.</summary>
/// <param name="Stage">sft or dpo.</param>
/// <param name="TotalSteps">Optimizer steps of the whole run.</param>
/// <param name="StartStep">Steps that were done before: above 0 when resuming.</param>
/// <param name="Epochs">Passes over the data.</param>
/// <param name="TrainableParameters">How many numbers are learned.</param>
/// <param name="Device">"cpu" or "cuda:0".</param>
/// <param name="Precision">"float32" or "bfloat16 with float32 master weights and moments".</param>
/// <param name="RepeatsEvaluation">The run begins by making the evaluation after <paramref name="StartStep"/> (again).</param>
public sealed record TrainingPlan(
    string Stage, int TotalSteps, int StartStep, double Epochs, long TrainableParameters, string Device, string Precision, bool RepeatsEvaluation = false);

/// <summary>One optimizer step.</summary>
/// <param name="Step">1-based.</param>
/// <param name="TotalSteps">Of the whole run.</param>
/// <param name="Epoch">Passes over the data so far.</param>
/// <param name="Metrics">loss, grad_norm, learning_rate, num_tokens and TRL's dpo names; empty when not <paramref name="Logged"/>.</param>
/// <param name="Tokens">Real tokens in this step.</param>
/// <param name="Seconds">What this step took.</param>
/// <param name="TokensPerSecond">Real tokens a second.</param>
/// <param name="MemoryBytes">Resident memory of the process after the step.</param>
/// <param name="Logged">Whether this step is one of those that are logged (logging_steps).</param>
public sealed record StepReport(
    int Step, int TotalSteps, double Epoch, IReadOnlyDictionary<string, double> Metrics, long Tokens, double Seconds,
    double TokensPerSecond, long? MemoryBytes, bool Logged)
{
    /// <summary>The step's own numbers, logged or not; null where whoever reports has none.</summary>
    public StepValues? Own { get; init; }

    /// <summary>Memory of the GPU in use after a logged step, whoever uses it; null on the CPU.</summary>
    public long? DeviceMemoryBytes { get; init; }
}

/// <summary>What one step alone came to, where <see cref="StepReport.Metrics"/> are means since the last logged one.</summary>
/// <param name="Means">loss, and for dpo TRL's names.</param>
/// <param name="GradientNorm">Before clipping.</param>
/// <param name="LearningRate">The rate it was taken with.</param>
public sealed record StepValues(IReadOnlyDictionary<string, double> Means, double GradientNorm, double LearningRate);

/// <summary>One evaluation.</summary>
/// <param name="Step">The step it followed; 0 before the first.</param>
/// <param name="Epoch">Passes over the data so far.</param>
/// <param name="Metrics">With the eval_ prefix.</param>
/// <param name="Seconds">What it took.</param>
public sealed record EvaluationReport(int Step, double Epoch, IReadOnlyDictionary<string, double> Metrics, double Seconds);

/// <summary>How a run ended.</summary>
/// <param name="Steps">Steps done in all.</param>
/// <param name="Seconds">What this run took.</param>
/// <param name="OutputDir">Where the results are.</param>
/// <param name="Interrupted">Whether it stopped early, with a checkpoint.</param>
public sealed record TrainingSummary(int Steps, double Seconds, string OutputDir, bool Interrupted);
