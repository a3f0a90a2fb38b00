using System.Text.Json;
using Zephyr.Training;

namespace Zephyr.Tests.Pipeline;

/// <summary>A run says once what it was given that changes nothing, and leaves it in its record.</summary>
public sealed class IgnoredKeysTests : IDisposable
{
    private readonly TinyWorld _world = new();

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void They_are_told_when_the_run_starts_and_kept_in_its_record(string stage)
    {
        var notes = new Notes();
        _world.Run(stage, "out", notes, more: [("max_steps", "1"), ("hub_model_id", "me/mine"), ("push_to_hub", "true"), ("model_revision", "main")]);
        Assert.Equal(
            ["hub_model_id, push_to_hub are ignored: nothing is uploaded, the output folder is the result",
                "model_revision is ignored: a model is a folder on disk, of the revision that was downloaded"],
            notes.Texts.Where(text => text.Contains(" ignored: ", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        using var record = JsonDocument.Parse(File.ReadAllBytes(_world.PathOf("out/run.json")));
        Assert.Equal("""{"reason":"nothing is uploaded, the output folder is the result","origin":"option --hub_model_id"}""",
            JsonSerializer.Serialize(record.RootElement.GetProperty("ignored").GetProperty("hub_model_id")));
        Assert.False(record.RootElement.GetProperty("config").TryGetProperty("hub_model_id", out _));
    }

    public void Dispose() => _world.Dispose();

    private sealed class Notes : ITrainingObserver
    {
        public List<string> Texts { get; } = [];

        public void OnNote(string text) => Texts.Add(text);

        public void OnStart(TrainingPlan plan) { }

        public void OnStep(StepReport report) { }

        public void OnEvaluation(EvaluationReport report) { }

        public void OnCheckpoint(string path, int afterStep) { }

        public void OnEnd(TrainingSummary summary) { }
    }
}
