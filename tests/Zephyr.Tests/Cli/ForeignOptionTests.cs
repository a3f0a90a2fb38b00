namespace Zephyr.Tests.Cli;

/// <summary>TRL's command lines work like its recipes: its options are taken too, though the help does not list them.</summary>
public class ForeignOptionTests
{
    private static readonly string[] Enough = ["sft", "--model_name_or_path", "m", "--dataset", "d", "--output_dir", "o", "--dry-run"];

    [Fact]
    public void They_are_taken_in_either_spelling_and_as_switches()
    {
        using var world = new Zephyr.Tests.Pipeline.TinyWorld();
        string[] own = [.. world.KeysOf("sft", "out").Where(entry => entry.Key != "device").SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })];
        var run = CliRun.Of(["sft", .. own, "--dry-run", "--push_to_hub", "--model-revision", "main", "--use_cpu", "--fp16=false"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Matches(@"(?m)^device: cpu +# option --use_cpu \(use_cpu: true\)$", run.Output);
        Assert.Contains("""

            # Ignored:
            # push_to_hub (option --push_to_hub): nothing is uploaded, the output folder is the result
            # model_revision (option --model-revision): a model is a folder on disk, of the revision that was downloaded

            """, run.Output);
        Assert.DoesNotContain("push_to_hub", CliRun.Of("sft", "--help").Output);
    }

    [Theory]
    [InlineData("--fp16", "--fp16: float16 training is not implemented: write bf16: true (was true)\n")]
    [InlineData("--use_peft= --bf16", "--use_peft: needs a value\n")]
    [InlineData("--push_to_hub --push-to-hub", "--push_to_hub: is given more than once\n")]
    [InlineData("--sync_ref_model", "--sync_ref_model: belongs to dpo, not to sft\n")]
    public void What_cannot_be_done_is_refused_as_in_a_recipe(string options, string expected)
    {
        var run = CliRun.Of([.. Enough, .. options.Split(' ')]);
        Assert.Equal((2, "", expected), (run.Code, run.Output, run.Error));
    }
}
