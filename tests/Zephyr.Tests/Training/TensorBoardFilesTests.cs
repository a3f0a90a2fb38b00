using Zephyr.Tests.Data.Sources;
using Zephyr.Training;

namespace Zephyr.Tests.Training;

public sealed class TensorBoardFilesTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly SetTime _time = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The check value of the polynomial's definition (RFC 3720): the test's own reader is no judge otherwise.</summary>
    [Fact]
    public void The_reader_knows_the_checksum() => Assert.Equal(0xe3069283, EventReader.Crc32C("123456789"u8));

    [Fact]
    public void Logged_steps_and_evaluations_get_the_tags_of_transformers()
    {
        var files = Files("a", goesOn: false);
        files.OnStart(Plan(0));
        Evaluation(files, 0);
        Step(files, 1, logged: false);
        Step(files, 2);
        Assert.Equal(["eval/loss 0 0.5", "eval/rewards/margins 0 1", "train/loss 2 0.25", "train/rewards/margins 2 NaN", "train/epoch 2 0.2"], Points());
    }

    [Fact]
    public void Times_are_seconds_since_1970_and_names_go_by_them()
    {
        var files = Files("a", goesOn: false);
        files.OnStart(Plan(0));
        _time.Now += TimeSpan.FromSeconds(1.5);
        Step(files, 2);
        var file = Assert.Single(Directory.GetFiles(_folder.Path));
        Assert.Matches(@"^events\.out\.tfevents\.1700000000\.[0-9a-f]{8}$", Path.GetFileName(file));
        Assert.Equal([1_700_000_000, 1_700_000_001.5], EventReader.Events(file).Select(happened => happened.WallTime));
    }

    [Fact]
    public void Going_on_takes_back_what_came_after_the_checkpoint()
    {
        var broken = Files("a", goesOn: false);
        broken.OnStart(Plan(0));
        foreach (var step in new[] { 2, 4, 6 }) Step(broken, step);
        // The clock was set back; the new file is read last all the same.
        _time.Now -= TimeSpan.FromHours(1);
        var files = Files("a", goesOn: true);
        files.OnStart(Plan(4));
        Assert.Equal(["2", "4"], Steps("train/loss"));
        Step(files, 6);
        Step(files, 8);
        Assert.Equal(["2", "4", "6", "8"], Steps("train/loss"));
        Assert.Equal(2, Directory.GetFiles(_folder.Path).Length);
    }

    [Fact]
    public void Starting_over_removes_what_the_run_wrote_and_nothing_else()
    {
        var foreign = _folder.Write("events.out.tfevents.1699999999.host.1.0", "");
        var other = Files("b", goesOn: false);
        other.OnStart(Plan(0));
        var mine = Files("a", goesOn: false);
        mine.OnStart(Plan(0));
        Step(mine, 6);
        Step(other, 7);
        Files("a/", goesOn: false).OnStart(Plan(0));
        Assert.Equal(3, Directory.GetFiles(_folder.Path).Length);
        Assert.True(File.Exists(foreign));
        File.Delete(foreign);
        Assert.Equal(["7"], Steps("train/loss"));
    }

    private IEnumerable<string> Points() => EventReader.Points(_folder.Path).Select(point => $"{point.Tag} {point.Step} {point.Value}");

    private IEnumerable<string> Steps(string tag) => EventReader.Points(_folder.Path).Where(point => point.Tag == tag).Select(point => $"{point.Step}");

    private TensorBoardFiles Files(string run, bool goesOn) => new(_folder.Path, run, goesOn, _time);

    private static void Step(TensorBoardFiles files, int step, bool logged = true) => files.OnStep(new(step, 10, step / 10.0,
        logged ? new Dictionary<string, double> { ["loss"] = 0.25, ["rewards/margins"] = double.NaN } : [], 100, 1.5, 66, 1 << 20, logged));

    private static void Evaluation(TensorBoardFiles files, int step) =>
        files.OnEvaluation(new(step, step / 10.0, new Dictionary<string, double> { ["eval_loss"] = 0.5, ["eval_rewards/margins"] = 1 }, 1));

    private static TrainingPlan Plan(int start) => new("dpo", 10, start, 1, 1, "cpu", "float32");

    private sealed class SetTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
