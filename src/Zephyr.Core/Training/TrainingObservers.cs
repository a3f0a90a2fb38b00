namespace Zephyr.Training;

/// <summary>Watches and says nothing.</summary>
public sealed class SilentObserver : ITrainingObserver
{
    /// <summary>The one there needs to be.</summary>
    public static SilentObserver Instance { get; } = new();

    /// <inheritdoc/>
    public void OnStart(TrainingPlan plan) { }

    /// <inheritdoc/>
    public void OnStep(StepReport report) { }

    /// <inheritdoc/>
    public void OnEvaluation(EvaluationReport report) { }

    /// <inheritdoc/>
    public void OnCheckpoint(string path, int afterStep) { }

    /// <inheritdoc/>
    public void OnNote(string text) { }

    /// <inheritdoc/>
    public void OnEnd(TrainingSummary summary) { }
}

/// <summary>Several observers as one, told in order.</summary>
/// <param name="observers">Whom to tell.</param>
public sealed class CompositeObserver(params IReadOnlyList<ITrainingObserver> observers) : ITrainingObserver
{
    /// <inheritdoc/>
    public void OnPreparation(string what, int done, int total) => Tell(observer => observer.OnPreparation(what, done, total));

    /// <inheritdoc/>
    public void OnStart(TrainingPlan plan) => Tell(observer => observer.OnStart(plan));

    /// <inheritdoc/>
    public void OnStep(StepReport report) => Tell(observer => observer.OnStep(report));

    /// <inheritdoc/>
    public void OnEvaluation(EvaluationReport report) => Tell(observer => observer.OnEvaluation(report));

    /// <inheritdoc/>
    public void OnCheckpoint(string path, int afterStep) => Tell(observer => observer.OnCheckpoint(path, afterStep));

    /// <inheritdoc/>
    public void OnNote(string text) => Tell(observer => observer.OnNote(text));

    /// <inheritdoc/>
    public void OnEnd(TrainingSummary summary) => Tell(observer => observer.OnEnd(summary));

    private void Tell(Action<ITrainingObserver> what)
    {
        foreach (var observer in observers) what(observer);
    }
}
