using System.Diagnostics;
using System.Text.Json;
using Zephyr.Model;
using Zephyr.Tests.Pipeline;
using Zephyr.Tests.Training;
using Zephyr.Training;

namespace Zephyr.Tests.Cli;

/// <summary>zephyr plan, and runs that are refused by it.</summary>
public sealed class PlanTests : IDisposable
{
    private const double Gibibyte = 1L << 30;

    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    /// <summary>7.24 B parameters on a card of 139 GiB: fp32 gradients, masters and moments with bf16 weights, and no room for a second model beside them.</summary>
    [Theory]
    [InlineData("frozen", false)]
    [InlineData("cached", true)]
    public void Full_DPO_at_7B_fits_a_large_card_without_a_second_model(string reference, bool fits)
    {
        var run = Plan("--config", Recipe("zephyr-7b-beta/dpo.yaml"), "--size", "mistral7b", "--device_memory", "139GiB", "--reference", reference, "--json");
        Assert.Equal((fits ? 0 : 2, ""), (run.Code, run.Error));
        var plan = JsonDocument.Parse(run.Output).RootElement;
        var memory = plan.GetProperty("memory");
        Assert.Equal(fits, plan.GetProperty("fits").GetBoolean());
        Assert.Equal((13.5, 27.0, 27.0, 54.0), (Of("weights"), Of("gradients"), Of("master_weights"), Of("moments")));
        Assert.Equal(!fits, memory.TryGetProperty("reference", out _));
        Assert.InRange(plan.GetProperty("total_bytes").GetInt64() / Gibibyte, fits ? 121.4 : 135, fits ? 126 : 139);
        if (!fits) Assert.Matches("^what fits: reference: cached \\(124\\.[0-9] GiB\\); or optim_state_device: host \\(57\\.[0-9] GiB\\); or ", plan.GetProperty("advice").GetString());

        double Of(string name) => Math.Round(memory.GetProperty(name).GetInt64() / Gibibyte, 1);
    }

    /// <summary>Master weights, moments and the buffers of their update come to 81 GiB: state that leaves the card has to stay somewhere.</summary>
    [Theory]
    [InlineData("64GiB", false)]
    [InlineData("96GiB", true)]
    [InlineData(null, true)]
    public void State_on_the_host_has_to_fit_the_host(string? host, bool fits)
    {
        string[] memory = ["--size", "mistral7b", "--device_memory", "80GiB", .. host is null ? Array.Empty<string>() : ["--host_memory", host], "--json"];
        var run = Plan(["--config", Recipe("zephyr-7b-beta/dpo.yaml"), "--optim_state_device", "host", .. memory]);
        Assert.Equal((fits ? 0 : 2, ""), (run.Code, run.Error));
        var plan = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal((81, fits), ((int)Math.Round(plan.GetProperty("host_bytes").GetInt64() / Gibibyte), plan.GetProperty("fits").GetBoolean()));

        var remedy = JsonDocument.Parse(Plan(["--config", Recipe("zephyr-7b-beta/dpo.yaml"), .. memory]).Output).RootElement.GetProperty("remedies").EnumerateArray()
            .Single(one => one.GetProperty("keys").GetString() == "optim_state_device: host");
        Assert.Equal(fits, remedy.GetProperty("fits").GetBoolean());
    }

    [Fact]
    public void Steps_and_time_come_from_the_number_of_rows()
    {
        var run = Plan("dpo", "--config", Recipe("zephyr-7b-beta/dpo.yaml"), "--size", "mistral7b", "--device_memory", "139GiB", "--reference", "cached", "--rows", "61966", "--flops_rate", "400TFLOPS", "--json");
        var plan = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(485, plan.GetProperty("steps").GetInt32());
        var operations = plan.GetProperty("flop").GetProperty("operations").GetDouble();
        Assert.Equal(operations / 400e12, plan.GetProperty("seconds").GetDouble(), operations / 1e18);
        // 6 N T forward and back, of pairs of twice 1024 tokens, with the layers once more and the reference once; attention and the head's labels on top and below.
        Assert.InRange(operations / (10 * 7.11e9 * 61966 * 2048), 0.9, 1.1);
    }

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void Rows_that_are_there_are_counted(string stage)
    {
        var keys = _world.KeysOf(stage, "out").SelectMany(entry => new[] { $"--{entry.Key}", entry.Value });
        var run = Plan([stage, .. keys, "--json"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        var plan = JsonDocument.Parse(run.Output).RootElement;
        Assert.True(plan.GetProperty("rows_are_real").GetBoolean());
        Assert.Equal(9, plan.GetProperty("steps").GetInt32());
        Assert.Empty(_world.Names("out"));
    }

    [Theory]
    [InlineData("--device_memory: must be a number with GiB or GB, such as 139GiB (was much)", "--device_memory", "much")]
    [InlineData("--host_memory: must be a number with GiB or GB, such as 139GiB (was 1 byte)", "--host_memory", "1 byte")]
    [InlineData("--flops_rate: must be measure, or a number with GFLOPS, TFLOPS or PFLOPS, such as 400TFLOPS (was fast)", "--flops_rate", "fast")]
    [InlineData("--stage: must be sft or dpo (was aif)", "--stage", "aif")]
    public void A_wrong_option_is_one_sentence(string expected, string option, string value)
    {
        var run = Plan("--size", "tiny", option, value);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_is_said_with_what_would()
    {
        var run = Plan(["sft", .. _world.KeysOf("sft", "out").SelectMany(entry => new[] { $"--{entry.Key}", entry.Value }), "--device_memory", "100MB"]);
        Assert.Equal((2, ""), (run.Code, run.Error));
        Assert.Contains("DOES NOT FIT the CPU, as given, which has 95.4 MiB for it; nothing fits: all that would help (", run.Output, StringComparison.Ordinal);
    }

    /// <summary>In processes of their own, whose data the system limits: by count they are refused before anything is loaded, and without the count memory runs out and the checkpoint stays.</summary>
    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public async Task Under_a_limit_a_run_is_refused_and_one_that_is_not_ends_in_a_sentence(string stage)
    {
        var shape = new MistralConfig { VocabSize = 1000, HiddenSize = 512, IntermediateSize = 1536, NumHiddenLayers = 8, NumAttentionHeads = 8, NumKeyValueHeads = 4, HeadDim = 64, MaxPositionEmbeddings = 512 };
        (string, string)[] more = [("model_name_or_path", _world.FreshFolder("large", shape)), ("preflight", "false"), ("eval_strategy", "no"), ("eval_on_start", "false"), ("save_steps", "1"), ("max_steps", "3")];
        using (var stop = new StopAfter(1)) _world.Run(stage, "out", stop, more: more);
        var refused = await Limited(stage, more);
        Assert.Equal(2, refused.Code);
        Assert.Matches("^zephyr: memory: the run needs [0-9.]+ [MG]iB on cpu, which has [0-9.]+ [MG]iB for it; .*; memory_check: false goes ahead nevertheless\n$", refused.Error);
        var failed = await Limited(stage, [.. more, ("memory_check", "false")]);
        Assert.True(failed.Code == 1, failed.Error);
        Assert.Matches($"^zephyr: out of memory on cpu before the first step: .*can't allocate memory.*; the newest whole checkpoint is {_world.PathOf("out")}/checkpoint-1; by count it needs [0-9.]+ [MG]iB; what takes less: .* comes to [0-9.]+ [MG]iB; or .*\n$", failed.Error);
        Assert.Empty(CheckpointManifest.Problems(_world.PathOf("out/checkpoint-1"), TestContext.Current.CancellationToken));
    }

    private async Task<(int Code, string Error)> Limited(string stage, (string, string)[] more)
    {
        // Kilobytes of private memory: enough for the program, not for weights and moments of 25 million numbers.
        string[] keys = [.. _world.KeysOf(stage, "out", more).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })];
        var start = new ProcessStartInfo("bash", ["-c", "ulimit -d 450000 && exec \"$@\"", "-", Path.Combine(AppContext.BaseDirectory, "zephyr"), stage, .. keys, "--quiet"]) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x8000000";
        start.Environment["OMP_NUM_THREADS"] = "1";
        using var process = Process.Start(start)!;
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, error);
    }

    private static string Recipe(string name) => Path.Combine(SharedFolder.RepositoryRoot, "configs", name);

    private static CliRun Plan(params string[] args) => CliRun.Of(["plan", .. args]);
}
