using System.Text.Json;
using Zephyr.Runtime;
using Zephyr.Tests.Training;
using Zephyr.Training;

namespace Zephyr.Tests.Pipeline;

/// <summary>SFT and DPO beside weights of 4 bits: an adapter comes out, it goes on as exactly as any, and every reference says the same.</summary>
public sealed class QloraRunTests : IDisposable
{
    private static readonly (string, string)[] Qlora =
    [
        ("use_peft", "true"), ("load_in_4bit", "true"), ("use_bnb_nested_quant", "true"), ("lora_r", "4"), ("lora_alpha", "8"), ("lora_target_modules", "all-linear"),
        ("lora_dropout", "0.1"), ("learning_rate", "2e-2"),
    ];

    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft", 3, "bf16=true gradient_checkpointing=true")]
    [InlineData("dpo", 5, "reference=adapter use_bnb_nested_quant=false")]
    [InlineData("dpo", 3, "reference=cached bf16=true optim_state_device=host optim_state_dtype=bfloat16")]
    [InlineData("dpo", 6, "reference=frozen pair_layout=shared_prefix")]
    public void A_stopped_run_goes_on_to_the_same_bytes(string stage, int stop, string keys)
    {
        var more = keys.Split(' ').Select(key => key.Split('=')).Select(pair => (pair[0], pair[1])).ToArray();
        var steps = Run(stage, "straight", more).Steps;
        using (var at = new StopAfter(stop)) Assert.True(_world.Run(stage, "stopped", at, more: [.. Qlora, .. more]).Interrupted);
        Assert.Equal(steps, Run(stage, "stopped", more).Steps);
        if (stop % 4 != 0) Directory.Delete(_world.PathOf($"stopped/checkpoint-{stop}"), recursive: true);
        var (one, other) = (_world.Bytes("straight"), _world.Bytes("stopped"));
        Assert.Equal(one.Keys.Order(StringComparer.Ordinal), other.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, bytes) in one) Assert.True(bytes.AsSpan().SequenceEqual(other[name]), $"{name} differs");
        Assert.Contains("adapter_model.safetensors", one.Keys);
        Assert.DoesNotContain("model.safetensors", one.Keys);
    }

    /// <summary>On the SFT adapter over 4-bit weights: switched, in memory a second time in 4 bits too, or computed before.</summary>
    [Fact]
    public void Every_reference_gives_the_same_run()
    {
        Run("sft", "sft");
        foreach (var reference in new[] { "adapter", "frozen", "cached" }) Run("dpo", reference, ("model_name_or_path", _world.PathOf("sft")), ("reference", reference));
        var expected = Lines("frozen");
        Assert.Equal(Math.Log(2), expected[0]["eval_loss"], 1e-4);
        Assert.True(expected[^1]["eval_loss"] < 0.6);
        foreach (var reference in new[] { "adapter", "cached" })
            foreach (var (one, other) in expected.Zip(Lines(reference)))
                foreach (var (name, value) in one) Assert.Equal(value, other[name], 1e-6 * Math.Max(1, Math.Abs(value)));
    }

    [Fact]
    public void The_rounded_weights_are_what_is_trained_on_and_the_run_says_so()
    {
        var notes = new NoteKeeper();
        _world.Run("dpo", "qlora", notes, more: [.. Qlora, ("reference", "frozen")]);
        Assert.Contains(notes.Notes, note => note.StartsWith($"{_world.Base} is held with its linear maps in NF4 with double quantization (load_in_4bit)", StringComparison.Ordinal)
            && note.Contains("a merged model differs from the one that was trained by that rounding", StringComparison.Ordinal));
        Assert.Contains("the reference is a second model in memory, in NF4 like the policy's; reference: adapter gives the same numbers without it", notes.Notes);
        Run("dpo", "lora", ("load_in_4bit", "false"), ("use_bnb_nested_quant", "false"));
        Run("dpo", "single", ("use_bnb_nested_quant", "false"));
        double[] first = [.. new[] { "qlora", "single", "lora" }.Select(run => Lines(run)[0]["eval_logps/chosen"])];
        Assert.Equal(3, first.Distinct().Count());
        Assert.All(first, value => Assert.Equal(first[2], value, 0.1 * Math.Abs(first[2])));
        Assert.Equal("float32, linear maps in NF4 with double quantization",
            JsonDocument.Parse(File.ReadAllBytes(_world.PathOf("qlora/run.json"))).RootElement.GetProperty("precision").GetString());
    }

    [Fact]
    public void A_run_goes_on_beside_the_same_weights_only()
    {
        using (var stop = new StopAfter(3)) _world.Run("sft", "stopped", stop, more: [.. Qlora]);
        var checkpoint = _world.PathOf("stopped/checkpoint-3");
        string Refusal(params (string, string)[] more) => Assert.Throws<UserErrorException>(() => Run("sft", "stopped", more)).Message;
        const string advice = "; put the values back, or start over with --resume never and overwrite_output_dir";
        Assert.Equal($"{checkpoint}: this checkpoint cannot be continued: use_bnb_nested_quant was true and is false{advice}", Refusal(("use_bnb_nested_quant", "false")));
        Assert.Equal($"{checkpoint}: this checkpoint cannot be continued: load_in_4bit was true and is false, use_bnb_nested_quant was true and is false{advice}",
            Refusal(("load_in_4bit", "false"), ("use_bnb_nested_quant", "false")));
    }

    private TrainingSummary Run(string stage, string output, params (string, string)[] more) => _world.Run(stage, output, more: [.. Qlora, .. more]);

    private List<Dictionary<string, double>> Lines(string output) =>
        [.. File.ReadLines(_world.PathOf($"{output}/metrics.jsonl")).Select(line => JsonSerializer.Deserialize<Dictionary<string, double>>(line)!)];

    private sealed class NoteKeeper : ITrainingObserver
    {
        public List<string> Notes { get; } = [];

        public void OnNote(string text) => Notes.Add(text);

        public void OnStart(TrainingPlan plan) { }

        public void OnStep(StepReport report) { }

        public void OnEvaluation(EvaluationReport report) { }

        public void OnCheckpoint(string path, int afterStep) { }

        public void OnEnd(TrainingSummary summary) { }
    }
}
