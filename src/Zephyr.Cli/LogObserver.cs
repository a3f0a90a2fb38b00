using Serilog;
using Zephyr.Training;

namespace Zephyr.Cli;

/// <summary>Writes what happens to the log. Numbers live in metrics.jsonl; the log says when and where.</summary>
internal sealed class LogObserver(ILogger log) : ITrainingObserver
{
    public void OnStart(TrainingPlan plan) => log.Information("{Stage}: {TotalSteps} steps from step {StartStep}, {Parameters} parameters, {Precision} on {Device}",
        plan.Stage, plan.TotalSteps, plan.StartStep, plan.TrainableParameters, plan.Precision, plan.Device);

    public void OnStep(StepReport report)
    {
        if (report.Logged) log.Debug("step {Step}/{TotalSteps} {Metrics}", report.Step, report.TotalSteps, report.Metrics);
    }

    public void OnEvaluation(EvaluationReport report) => log.Information("step {Step} evaluation {Metrics}", report.Step, report.Metrics);

    public void OnCheckpoint(string path, int afterStep) => log.Information("step {Step} checkpoint {Path}", afterStep, path);

    public void OnNote(string text) => log.Information("{Note}", text);

    public void OnEnd(TrainingSummary summary) => log.Information("{How} after {Steps} steps and {Seconds:0.0} s",
        summary.Interrupted ? "interrupted" : "done", summary.Steps, summary.Seconds);
}
