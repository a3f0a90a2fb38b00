using System.Text.Json;
using Zephyr.Model.Weights;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using Zephyr.Tests.Training;
using Zephyr.Training;

namespace Zephyr.Tests.Pipeline;

/// <summary>SFT and DPO that train an adapter: what is written, what it goes on from, and which reference it is held to.</summary>
public sealed class AdapterRunTests : IDisposable
{
    private static readonly (string, string)[] Lora =
        [("use_peft", "true"), ("lora_r", "4"), ("lora_alpha", "8"), ("lora_target_modules", "all-linear"), ("lora_dropout", "0.1"), ("learning_rate", "2e-2")];

    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft", "float32")]
    [InlineData("sft", "bfloat16")]
    [InlineData("dpo", "float32")]
    public void What_is_written_is_an_adapter_folder(string stage, string dtype)
    {
        Run(stage, "out", ("torch_dtype", dtype), ("bf16", dtype == "bfloat16" ? "true" : "false"));
        Assert.Equal(["README.md", "adapter_config.json", "adapter_model.safetensors", "checkpoint-4", "checkpoint-8", "metrics.jsonl", "run.json", "special_tokens_map.json",
            "timings.jsonl", "tokenizer.json", "tokenizer.model", "tokenizer_config.json"], _world.Names("out"));
        var config = JsonDocument.Parse(File.ReadAllBytes(_world.PathOf("out/adapter_config.json"))).RootElement;
        Assert.Equal(("LORA", 4, 8, 0.1, "CAUSAL_LM", _world.Base), (config.GetProperty("peft_type").GetString(), config.GetProperty("r").GetInt32(),
            config.GetProperty("lora_alpha").GetInt32(), config.GetProperty("lora_dropout").GetDouble(), config.GetProperty("task_type").GetString(),
            config.GetProperty("base_model_name_or_path").GetString()));
        var factors = SafetensorsFile.Open(_world.PathOf("out/adapter_model.safetensors")).Entries;
        Assert.Equal(2 * 7 * 2, factors.Count);
        Assert.All(factors.Values, factor => Assert.Equal(TorchSharp.torch.ScalarType.Float32, factor.Dtype));
        Assert.Contains("base_model.model.model.layers.1.mlp.down_proj.lora_B.weight", factors.Keys);
        Assert.Equal(["README.md", "adapter_config.json", "adapter_model.safetensors", "manifest.json", "optimizer.safetensors", "special_tokens_map.json", "tokenizer.json",
            "tokenizer.model", "tokenizer_config.json", "trainer_state.json"], _world.Names("out/checkpoint-4"));
        Assert.True(RunInspection.Of(_world.PathOf("out"), TestContext.Current.CancellationToken) is { IsFinished: true, Checkpoints: [{ Problems: [] }, { Problems: [] }] });
    }

    [Theory]
    [InlineData("sft", 3, "")]
    [InlineData("sft", 5, "bf16=true gradient_checkpointing=true lora_dropout=0.3")]
    [InlineData("sft", 2, "packing=true max_seq_length=24 max_tokens_per_batch=60 optim=rmsprop")]
    [InlineData("dpo", 6, "disable_dropout=false lora_dropout=0.3 gradient_checkpointing=true")]
    [InlineData("dpo", 3, "pair_layout=shared_prefix bf16=true reference=frozen")]
    [InlineData("dpo", 5, "reference=cached use_rslora=true")]
    public void A_stopped_run_goes_on_to_the_same_bytes(string stage, int stop, string keys)
    {
        var more = keys.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(key => key.Split('=')).Select(pair => (pair[0], pair[1])).Append(("save_steps", "4")).ToArray();
        var steps = Run(stage, "straight", more).Steps;
        using (var at = new StopAfter(stop)) Assert.True(_world.Run(stage, "stopped", at, more: [.. Lora, .. more]).Interrupted);
        Assert.Equal(steps, Run(stage, "stopped", more).Steps);
        if (stop % 4 != 0) Directory.Delete(_world.PathOf($"stopped/checkpoint-{stop}"), recursive: true);
        Same("straight", "stopped");
    }

    /// <summary>Dropout draws anew at each step, and none is drawn in DPO unless it is asked for.</summary>
    [Fact]
    public void Dropout_is_applied_in_SFT_and_in_DPO_only_where_it_is_asked_for()
    {
        foreach (var (stage, off) in new[] { ("sft", "lora_dropout=0"), ("dpo", "disable_dropout=true") })
        {
            Run(stage, $"{stage}-with", ("disable_dropout", "false"));
            Run(stage, $"{stage}-without", (off.Split('=')[0], off.Split('=')[1]));
            Run(stage, $"{stage}-none", ("lora_dropout", "0"));
            Assert.NotEqual(Factors($"{stage}-with"), Factors($"{stage}-without"));
            Assert.Equal(Factors($"{stage}-none"), Factors($"{stage}-without"));
        }
    }

    /// <summary>On a plain model and on an adapter that SFT has left, in memory a second time, computed before, or switched: one loss.</summary>
    [Theory]
    [InlineData("base", "")]
    [InlineData("sft", "")]
    [InlineData("sft", "pair_layout=shared_prefix gradient_checkpointing=true")]
    public void Every_reference_gives_the_same_run(string start, string keys)
    {
        Run("sft", "sft");
        (string, string)[] more = [("model_name_or_path", _world.PathOf(start)), .. keys.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(key => key.Split('=')).Select(pair => (pair[0], pair[1]))];
        foreach (var reference in new[] { "adapter", "frozen", "cached" }) Run("dpo", reference, [.. more, ("reference", reference)]);
        var expected = Lines("frozen");
        Assert.Equal(Math.Log(2), expected[0]["eval_loss"], 1e-4);
        Assert.True(expected[^1]["eval_loss"] < 0.6);
        foreach (var reference in new[] { "adapter", "cached" })
        {
            var lines = Lines(reference);
            Assert.Equal(expected.Count, lines.Count);
            foreach (var (one, other) in expected.Zip(lines))
                foreach (var (name, value) in one) Assert.Equal(value, other[name], 1e-6 * Math.Max(1, Math.Abs(value)));
        }
    }

    /// <summary>The classic mistake: an SFT adapter that is trained on, held to the model without it.</summary>
    [Fact]
    public void After_SFT_the_reference_has_the_SFT_adapter_on_also_when_the_run_goes_on()
    {
        Run("sft", "sft");
        (string, string)[] more = [("model_name_or_path", _world.PathOf("sft")), ("eval_strategy", "steps"), ("eval_steps", "1")];
        var notes = new NoteKeeper();
        _world.Run("dpo", "straight", notes, more: [.. Lora, .. more]);
        Assert.Contains($"reference: {_world.Base} with the adapter {_world.PathOf("sft")} as it stands there, which is switched on in the policy's place", notes.Notes);
        using (var stop = new StopAfter(5)) _world.Run("dpo", "stopped", stop, more: [.. Lora, .. more]);
        Run("dpo", "stopped", more);
        Directory.Delete(_world.PathOf("stopped/checkpoint-5"), recursive: true);
        Same("straight", "stopped");
        // Held to the plain model the first loss would be another.
        Run("dpo", "plain", [.. more, ("reference", "frozen"), ("ref_model_name_or_path", _world.Base)]);
        Assert.True(Math.Abs(Lines("plain")[0]["eval_loss"] - Math.Log(2)) > 1e-3);
        // What comes out is the adapter trained on, alone, on the same model.
        Assert.Equal(_world.Base, JsonDocument.Parse(File.ReadAllBytes(_world.PathOf("straight/adapter_config.json"))).RootElement.GetProperty("base_model_name_or_path").GetString());
    }

    [Fact]
    public void An_adapter_is_trained_on_as_it_is()
    {
        Run("sft", "sft");
        (string, string) start = ("model_name_or_path", _world.PathOf("sft"));
        string Refusal(params (string, string)[] more) => Assert.Throws<UserErrorException>(() => _world.Run("dpo", "out", more: [start, .. more])).Message;
        Assert.Equal($"model_name_or_path: {_world.PathOf("sft")} is an adapter on {_world.Base}; expected use_peft: true, which trains the adapter on, or a plain model "
            + "(zephyr merge makes one of the two)", Refusal());
        Assert.Equal($"lora_r: found 8, expected 4, which the adapter {_world.PathOf("sft")} was made with: it is trained on as it is; for a new adapter on what it learnt, "
            + "merge it first (zephyr merge) and start from that", Refusal(("use_peft", "true"), ("lora_r", "8")));
        Assert.Contains("lora_target_modules: found q_proj, expected q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj",
            Refusal(("use_peft", "true"), ("lora_target_modules", "q_proj")), StringComparison.Ordinal);
        Assert.Equal($"{_world.Base}: there is no adapter_config.json; expected an adapter folder, as {_world.PathOf("sft")} was given as the plain model under it", Assert.Throws<UserErrorException>(() => Run("sft", "out", ("base_model_name_or_path", _world.PathOf("sft")))).Message);
        // What nobody states is the adapter's.
        Assert.False(_world.Run("sft", "on", more: [start, ("use_peft", "true")]).Interrupted);
    }

    [Fact]
    public void A_run_goes_on_with_the_same_model_under_it_and_the_same_adapter_only()
    {
        using (var stop = new StopAfter(3)) _world.Run("sft", "stopped", stop, more: [.. Lora]);
        var checkpoint = _world.PathOf("stopped/checkpoint-3");
        string Refusal(params (string, string)[] more) => Assert.Throws<UserErrorException>(() => Run("sft", "stopped", more)).Message;
        const string advice = "; put the values back, or start over with --resume never and overwrite_output_dir";
        Assert.Contains("use_peft was true and is false", Assert.Throws<UserErrorException>(() => _world.Run("sft", "stopped", more: [("use_peft", "false")])).Message, StringComparison.Ordinal);
        Assert.Equal($"{checkpoint}: this checkpoint cannot be continued: lora_r was 4 and is 2{advice}", Refusal(("lora_r", "2")));
        Assert.Contains("lora_dropout was 0.1 and is 0.2", Refusal(("lora_dropout", "0.2")), StringComparison.Ordinal);
        _world.WriteModel("base", seed: 2);
        Assert.Contains("content of the input files was", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_best_adapter_is_written_and_old_checkpoints_go()
    {
        (string, string)[] best = [("load_best_model_at_end", "true"), ("save_steps", "3"), ("save_total_limit", "1"), ("greater_is_better", "true")];
        Run("sft", "best", best);
        var evaluations = Lines("best").Where(line => line.ContainsKey("eval_loss")).Skip(1).Select(line => (Step: (int)line["step"], Loss: line["eval_loss"])).ToList();
        // "Better" is the higher loss here, so that it is not the last one.
        var winner = evaluations.MaxBy(line => line.Loss).Step;
        Assert.True(winner < 9);
        Assert.Equal(new[] { winner, 9 }.Distinct().Select(step => $"checkpoint-{step}"), _world.Names("best").Where(name => name.StartsWith("checkpoint", StringComparison.Ordinal)));
        Assert.Equal(File.ReadAllBytes(_world.PathOf($"best/checkpoint-{winner}/adapter_model.safetensors")), Factors("best"));
        // Another run in its place leaves nothing of an adapter where there is none.
        _world.Run("sft", "best", more: [("overwrite_output_dir", "true")]);
        Assert.DoesNotContain(_world.Names("best"), name => name.StartsWith("adapter", StringComparison.Ordinal));
        Assert.Throws<UserErrorException>(() => Run("sft", "best"));
        Run("sft", "best", ("overwrite_output_dir", "true"));
        Assert.DoesNotContain("model.safetensors", _world.Names("best"));
        Assert.True(AdapterFolder.Is(_world.PathOf("best")));
    }

    private TrainingSummary Run(string stage, string output, params (string, string)[] more) => _world.Run(stage, output,
        more: [.. Lora.Concat(more).Where(entry => stage == "dpo" || entry.Item1 is not ("disable_dropout" or "reference"))]);

    private byte[] Factors(string output) => File.ReadAllBytes(_world.PathOf($"{output}/adapter_model.safetensors"));

    private List<Dictionary<string, double>> Lines(string output) =>
        [.. File.ReadLines(_world.PathOf($"{output}/metrics.jsonl")).Select(line => JsonSerializer.Deserialize<Dictionary<string, double>>(line)!)];

    private void Same(string expected, string actual)
    {
        var (one, other) = (_world.Bytes(expected), _world.Bytes(actual));
        Assert.Equal(one.Keys.Order(StringComparer.Ordinal), other.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, bytes) in one) Assert.True(bytes.AsSpan().SequenceEqual(other[name]), $"{name} differs");
    }

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
