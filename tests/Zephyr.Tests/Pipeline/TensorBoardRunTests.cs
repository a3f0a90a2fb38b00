using System.Text.Json;
using Zephyr.Runtime;
using Zephyr.Tests.Training;

namespace Zephyr.Tests.Pipeline;

/// <summary>Whole runs: the curves that TensorBoard draws are the numbers of metrics.jsonl.</summary>
public sealed class TensorBoardRunTests : IDisposable
{
    private static readonly (string, string)[] Keys = [("report_to", "tensorboard"), ("logging_steps", "1")];
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void A_run_that_lost_steps_and_went_on_shows_each_step_once(string stage)
    {
        using (var stop = new StopAfter(6)) _world.Run(stage, "out", stop, more: Keys);
        // As a crash leaves it: steps 5 and 6 were logged, the newest checkpoint is of step 4.
        Directory.Delete(_world.PathOf("out/checkpoint-6"), recursive: true);
        _world.Run(stage, "out", more: Keys);
        Assert.Equal(2, Directory.GetFiles(_world.PathOf("out/runs")).Length);
        Assert.Equal(Expected("out"), Drawn("out/runs"));
    }

    [Fact]
    public void A_run_that_starts_over_shows_nothing_of_the_old_one()
    {
        var events = _world.PathOf("events");
        foreach (var steps in new[] { "9", "5" })
            _world.Run("dpo", "out", more: [.. Keys, ("logging_dir", events), ("max_steps", steps), ("overwrite_output_dir", "true")]);
        Assert.Single(Directory.GetFiles(events));
        Assert.Equal(Expected("out"), Drawn("events"));
        Assert.False(Directory.Exists(_world.PathOf("out/runs")));
        // Branched off over it from another folder's checkpoint: the steps before that were taken elsewhere.
        _world.Run("dpo", "other", more: Keys);
        _world.Run("dpo", "out", resume: _world.PathOf("other/checkpoint-8"), more: [.. Keys, ("logging_dir", events), ("overwrite_output_dir", "true")]);
        Assert.Equal(Expected("out"), Drawn("events"));
        Assert.Equal(9, Drawn("events").Min(point => point.Step));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("none")]
    public void Without_being_asked_nothing_is_written(string reportTo)
    {
        _world.Run("sft", "out", more: [("report_to", reportTo), ("max_steps", "1")]);
        Assert.False(Directory.Exists(_world.PathOf("out/runs")));
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_named_by_its_key() => Assert.StartsWith("logging_dir: /proc/events cannot be written: ",
        Assert.Throws<UserErrorException>(() => _world.Run("dpo", "out", more: [.. Keys, ("logging_dir", "/proc/events")])).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_where_the_folder_should_be_is_refused_before_anything_is_written()
    {
        Assert.Equal($"logging_dir: {_world.Pairs} is a file, expected a folder",
            Assert.Throws<UserErrorException>(() => _world.Run("dpo", "out", more: [.. Keys, ("logging_dir", _world.Pairs)])).Message);
        Assert.False(Directory.Exists(_world.PathOf("out")));
    }

    private List<EventReader.Point> Drawn(string folder) => Sorted(EventReader.Points(_world.PathOf(folder)));

    private List<EventReader.Point> Expected(string output) => Sorted(File.ReadLines(_world.PathOf($"{output}/metrics.jsonl")).SelectMany(line =>
    {
        using var json = JsonDocument.Parse(line);
        var values = json.RootElement.EnumerateObject().ToDictionary(value => value.Name, value => value.Value.GetDouble());
        var evaluation = values.Keys.Any(name => name.StartsWith("eval_", StringComparison.Ordinal));
        if (evaluation) values.Remove("epoch");
        return values.Where(value => value.Key != "step").Select(value => new EventReader.Point(
            evaluation ? value.Key.Replace("eval_", "eval/", StringComparison.Ordinal) : $"train/{value.Key}", (long)values["step"], (float)value.Value)).ToList();
    }));

    private static List<EventReader.Point> Sorted(IEnumerable<EventReader.Point> points) => [.. points.OrderBy(point => point.Step).ThenBy(point => point.Tag, StringComparer.Ordinal)];
}
