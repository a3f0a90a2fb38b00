using System.Text.Json;
using Zephyr.Tests.Pipeline;

namespace Zephyr.Tests.Cli;

/// <summary>QLoRA as a person runs it: sft beside weights of 4 bits, merge, dpo on what came out and on the adapter itself, generate.</summary>
public sealed class QloraCommandTests : IDisposable
{
    private static readonly (string, string)[] Qlora =
        [("use_peft", "true"), ("load_in_4bit", "true"), ("use_bnb_nested_quant", "true"), ("bf16", "true"), ("torch_dtype", "bfloat16"), ("lora_target_modules", "all-linear"), ("learning_rate", "1e-2")];

    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void From_a_plain_model_to_an_aligned_adapter()
    {
        var said = Stage("sft", "sft", ("lora_r", "4"));
        Assert.Contains("held with its linear maps in NF4 with double quantization (load_in_4bit)", said, StringComparison.Ordinal);
        Assert.Contains("adapter_model.safetensors", _world.Names("sft"));

        // The recipe's way: merged, then a new adapter of another rank on the merged model, held in 4 bits again.
        var merge = CliRun.Of("merge", "--model", _world.PathOf("sft"), "--output_dir", _world.PathOf("merged"));
        Assert.Equal(0, merge.Code);
        Assert.Equal($"note: the adapter was trained beside linear maps in NF4 (load_in_4bit) and is merged into the weights of {_world.Base} as they stand, as PEFT advises: "
            + "the result differs from what was trained by that rounding\n", merge.Error);
        Assert.Contains("Note: the adapter was trained beside linear maps in NF4", File.ReadAllText(_world.PathOf("merged/README.md")), StringComparison.Ordinal);
        Stage("dpo", "dpo", ("model_name_or_path", _world.PathOf("merged")), ("lora_r", "8"), ("reference", "adapter"), ("optim", "paged_adamw_32bit"));
        Assert.Equal((Math.Log(2), true), (FirstLoss("dpo"), LastLoss("dpo") < 0.65));

        // And the other way: the SFT adapter trained on, held to itself as it was.
        Stage("dpo", "dpo-on", ("model_name_or_path", _world.PathOf("sft")), ("reference", "adapter"));
        Assert.Equal(Math.Log(2), FirstLoss("dpo-on"));

        foreach (var model in new[] { "dpo", "dpo-on", "sft/checkpoint-8" })
            Assert.Equal(0, CliRun.Of("generate", "--model", _world.PathOf(model), "--prompt", "How old is the oak?", "--temperature", "0", "--max_new_tokens", "4").Code);
        // An adapter that was trained beside whole weights is merged without a word.
        Stage("sft", "whole", ("load_in_4bit", "false"), ("use_bnb_nested_quant", "false"));
        Assert.Equal("", CliRun.Of("merge", "--model", _world.PathOf("whole"), "--output_dir", _world.PathOf("whole-merged")).Error);
    }

    [Fact]
    public void Weights_of_4_bits_without_an_adapter_are_refused()
    {
        var run = CliRun.Of(Args("sft", "out", ("load_in_4bit", "true")));
        Assert.Equal(2, run.Code);
        Assert.Contains("load_in_4bit: weights of 4 bits cannot learn, an adapter beside them can: give use_peft: true (was false), or write load_in_4bit: false", run.Error, StringComparison.Ordinal);
        Assert.Empty(_world.Names("out"));
    }

    [Fact]
    public void A_dry_run_counts_4_bit_weights_and_the_state_as_they_are_held()
    {
        var whole = Planned(("load_in_4bit", "false"), ("use_bnb_nested_quant", "false"));
        var held = Planned();
        Assert.NotEqual(whole, held);
        Assert.NotEqual(held, Planned(("optim_state_dtype", "bfloat16")));

        string Planned(params (string, string)[] more)
        {
            var run = CliRun.Of([.. Args("sft", "out", [.. Qlora, .. more]), "--dry-run"]);
            Assert.Equal(0, run.Code);
            var lines = run.Output.Split('\n');
            return string.Join('\n', lines.Where(line => Array.Exists(["# weights ", "# moments "], start => line.StartsWith(start, StringComparison.Ordinal))));
        }
    }

    private string Stage(string stage, string output, params (string, string)[] more)
    {
        var run = CliRun.Of(Args(stage, output, [.. Qlora, .. more]));
        Assert.True(run.Code == 0, run.Error);
        return run.Error;
    }

    private string[] Args(string stage, string output, params (string, string)[] more) =>
        [stage, .. _world.KeysOf(stage, output, more).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })];

    private double FirstLoss(string output) => Math.Abs(Loss(output, 0) - Math.Log(2)) < 1e-2 ? Math.Log(2) : Loss(output, 0);

    private double LastLoss(string output) => Loss(output, ^1);

    private double Loss(string output, Index line) =>
        JsonSerializer.Deserialize<Dictionary<string, double>>(File.ReadAllLines(_world.PathOf($"{output}/metrics.jsonl"))[line])!["eval_loss"];
}
