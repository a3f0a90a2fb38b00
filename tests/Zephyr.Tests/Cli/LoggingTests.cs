using Zephyr.Cli;

namespace Zephyr.Tests.Cli;

public class LoggingTests
{
    [Fact]
    public void The_folder_comes_with_the_first_line()
    {
        var folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using (Logging.Create(folder)) Assert.False(Directory.Exists(folder));
        using (var log = Logging.Create(folder)) log.Information("{Rows} rows read", 3);
        Assert.EndsWith("[INF] 3 rows read\n", File.ReadAllText(Path.Combine(folder, "zephyr.log")));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_stop_that_was_asked_for_leaves_no_log_behind()
    {
        var folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using (var log = Logging.Create(folder))
            Assert.Throws<OperationCanceledException>(() => Logging.Around(log, "aif", () => throw new OperationCanceledException()));
        Assert.False(Directory.Exists(folder));
    }
}
