using System.Text.Json;
using Zephyr.Tests.Data.Sources;
using Zephyr.Training;

namespace Zephyr.Tests.Training;

public sealed class MetricsFilesTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly MetricsFiles _files;

    public MetricsFilesTests() => _files = new(_folder.Path);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Logged_steps_and_evaluations_are_a_line_each_and_times_stand_apart()
    {
        _files.OnStart(Plan(0));
        Evaluation(0);
        Step(1, logged: false);
        Step(2);
        Evaluation(2);
        Assert.Equal("""
            {"step":0,"epoch":0,"eval_loss":0.5}
            {"step":2,"epoch":0.2,"loss":0.25,"odd":null}
            {"step":2,"epoch":0.2,"eval_loss":0.5}

            """, File.ReadAllText(Metrics));
        using var times = JsonDocument.Parse(File.ReadAllText(_folder.PathOf("timings.jsonl")));
        Assert.Equal(["step", "epoch", "seconds", "tokens_per_second", "memory_mib"], times.RootElement.EnumerateObject().Select(value => value.Name));
    }

    [Theory]
    [InlineData(0, false, "")]
    [InlineData(2, false, "0e 2 2e")]
    [InlineData(2, true, "0e 2")]
    [InlineData(4, false, "0e 2 2e 4 4e")]
    public void Going_on_cuts_back_to_the_checkpoint(int start, bool repeats, string expected)
    {
        _files.OnStart(Plan(0));
        Evaluation(0);
        foreach (var step in new[] { 2, 4 })
        {
            Step(step);
            Evaluation(step);
        }
        _files.OnStart(Plan(start, repeats));
        Assert.Equal(expected, string.Join(' ', File.ReadLines(Metrics).Select(Short)));
        Assert.Equal(start / 2, File.ReadLines(_folder.PathOf("timings.jsonl")).Count());
    }

    /// <summary>Cut anywhere, the last line must neither stop the run nor stay.</summary>
    [Fact]
    public void A_torn_last_line_goes()
    {
        _files.OnStart(Plan(0));
        Step(2);
        var whole = File.ReadAllText(Metrics);
        const string Last = "{\"step\":4,\"epoch\":0.4,\"loss\":0.25}\n";
        for (var length = 0; length <= Last.Length; length++)
        {
            File.WriteAllText(Metrics, whole + Last[..length]);
            _files.OnStart(Plan(2));
            Assert.Equal(whole, File.ReadAllText(Metrics));
        }
        foreach (var odd in new[] { "{}", "[]", "{\"step\":\"2\"}", "{\"step\":2.5}", "null", "\0\0\0" })
        {
            File.WriteAllText(Metrics, whole + odd);
            _files.OnStart(Plan(2));
            Assert.Equal(whole, File.ReadAllText(Metrics));
        }
    }

    private string Metrics => _folder.PathOf("metrics.jsonl");

    private static string Short(string line)
    {
        using var json = JsonDocument.Parse(line);
        return json.RootElement.GetProperty("step").GetInt32() + (json.RootElement.TryGetProperty("eval_loss", out _) ? "e" : "");
    }

    private void Step(int step, bool logged = true) => _files.OnStep(new(step, 10, step / 10.0,
        new Dictionary<string, double> { ["loss"] = 0.25, ["odd"] = double.PositiveInfinity }, 100, 1.5, 66, 1 << 20, logged));

    private void Evaluation(int step) => _files.OnEvaluation(new(step, step / 10.0, new Dictionary<string, double> { ["eval_loss"] = 0.5 }, 1));

    private static TrainingPlan Plan(int start, bool repeats = false) => new("sft", 10, start, 1, 1, "cpu", "float32", repeats);
}
