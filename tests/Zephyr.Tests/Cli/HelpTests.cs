using Zephyr.Configuration;

namespace Zephyr.Tests.Cli;

/// <summary>
/// The help pages are frozen, so that no option comes or goes unseen. After a change that is meant:
/// <c>ZEPHYR_UPDATE_HELP=1</c> in the environment of a test run writes them anew.
/// </summary>
public class HelpTests
{
    public static TheoryData<string> Verbs =>
    [
        "", "demo", "clean", "sft", "aif", "dpo", "rubrics", "plan", "inspect", "inspect data", "inspect model", "inspect checkpoint",
        "merge", "generate", "serve", "eval", "eval perplexity", "eval preferences", "eval winrate", "eval mtbench", "bench", "bench sft", "bench dpo", "score", "tokenize", "doctor",
    ];

    [Theory]
    [MemberData(nameof(Verbs))]
    public void A_help_page_is_the_one_that_was_agreed_on(string verb)
    {
        var run = CliRun.Of([.. verb.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        var file = Path.Combine(SharedFolder.RepositoryRoot, "tests/Zephyr.Tests/Cli/Snapshots", $"help{(verb.Length == 0 ? "" : "-" + verb.Replace(' ', '-'))}.txt");
        if (Environment.GetEnvironmentVariable("ZEPHYR_UPDATE_HELP") == "1") File.WriteAllText(file, run.Output);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(File.ReadAllText(file), run.Output);
    }

    [Fact]
    public void A_stages_help_names_every_key_with_its_default()
    {
        AssertNames<SftConfig>("sft");
        AssertNames<AifConfig>("aif");
        AssertNames<DpoConfig>("dpo");
        AssertNames<CleanConfig>("clean");
        Assert.Matches(@"--learning_rate X .*\[default 2e-05\]", CliRun.Of("sft", "--help").Output);
        Assert.Matches(@"--learning_rate X .*\[default 1e-06\]", CliRun.Of("dpo", "--help").Output);
    }

    [Fact]
    public void Help_comes_before_any_complaint() => Assert.Equal(0, CliRun.Of("sft", "--nonsense", "--help").Code);

    [Fact]
    public void The_version_is_a_result() => Assert.Matches(@"^\d+\.\d+\.\d+", CliRun.Of("--version").Output);

    private static void AssertNames<T>(string verb) where T : class, new()
    {
        var page = CliRun.Of(verb, "--help").Output;
        foreach (var key in ConfigSchema.Of<T>().Keys)
        {
            Assert.Contains($"\n  --{key.Name} ", page);
            if (key.Alias is not null) Assert.Contains($"also --{key.Alias}]", page);
        }
    }
}
