using System.Globalization;
using System.Text.Json;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Generation;
using Zephyr.Model.Weights;
using Zephyr.Tests.Golden;
using Zephyr.Tests.Pipeline;
using static TorchSharp.torch;

namespace Zephyr.Tests.Cli;

/// <summary>Models that answer or are evaluated in 4 bits and in bf16: they say what training saw, whichever command asks.</summary>
public sealed class HeldModelTests : IDisposable
{
    private static readonly (string, string)[] Qlora =
    [
        ("use_peft", "true"), ("load_in_4bit", "true"), ("use_bnb_nested_quant", "true"), ("lora_r", "4"), ("lora_target_modules", "all-linear"), ("lora_dropout", "0.1"), ("learning_rate", "2e-2"),
        ("per_device_eval_batch_size", "8"),
    ];

    private static readonly string[] Nested = ["--load_in_4bit", "--use_bnb_nested_quant"];

    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("float32")]
    [InlineData("bfloat16")]
    public void The_loss_on_conversations_is_the_one_of_the_trainings_own_evaluation(string dtype)
    {
        var rows = Held(_world.Dialogues);
        Train("sft", dtype, ("eval_dataset", rows), ("eval_fraction", "0"));
        string[] about = ["--model", _world.PathOf("sft"), "--conversations", rows, "--max_length", "64", "--dtype", dtype, "--json"];
        var expected = LastEvaluation("sft")["loss"];
        var held = Json("eval", [.. about, .. Nested]);
        Assert.Equal(expected, held.GetProperty("loss").GetDouble());
        Assert.Equal(expected, Json("eval perplexity", [.. about, .. Nested]).GetProperty("all").GetProperty("loss").GetProperty("value").GetDouble(), 1e-6);
        // Beside other weights it is another model.
        foreach (var other in new string[][] { [], ["--load_in_4bit"], ["--load_in_4bit", "--base", _world.WriteModel("other", seed: 2)] })
            Assert.NotEqual(expected, Json("eval", [.. about, .. other]).GetProperty("loss").GetDouble());
    }

    [Theory]
    [InlineData("float32")]
    [InlineData("bfloat16")]
    public void Figures_on_pairs_are_those_of_the_trainings_own_evaluation(string dtype)
    {
        var pairs = Held(_world.Pairs);
        Train("dpo", dtype, ("eval_dataset", pairs), ("eval_fraction", "0"), ("reference", "frozen"));
        string[] about = ["--model", _world.PathOf("dpo"), "--ref_model", _world.Base, "--pairs", pairs, "--max_length", "64", "--max_prompt_length", "32", "--dtype", dtype, .. Nested, "--json"];
        var held = Json("eval", about);
        foreach (var (name, value) in LastEvaluation("dpo")) Assert.Equal((name, value), (name, held.GetProperty(name).GetDouble()));

        // And so are the sums of single answers, by token ids as by texts.
        var rows = _world.PathOf("rows.jsonl");
        Json("eval preferences", [.. about, "--rows", rows]);
        var answers = File.ReadLines(rows).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        var scores = Json("score", ["--model", _world.PathOf("dpo"), "--ids", Ids(pairs), "--dtype", dtype, .. Nested, "--json"]).EnumerateArray().ToList();
        Assert.Equal(11, scores.Count);
        foreach (var (answer, score) in answers.Zip(scores))
            Near.Equal(answer.GetProperty("logps_chosen").GetDouble(), score.GetProperty("sum_logp").GetDouble(), dtype == "float32" ? 1e-5 : 1e-2, "sum");
    }

    /// <summary>The model of 4 bits is the plain one of the rounded weights with the adapter on.</summary>
    [Fact]
    public void Greedy_answers_are_those_of_the_rounded_weights()
    {
        Train("sft", "float32");
        using var rounded = Rounded();
        var tokenizer = MistralTokenizer.Load(_world.Base);
        foreach (var prompt in new[] { "How old is the oak of A?", "Tell me of the river of Baaaa." })
        {
            var ids = tokenizer.Encode(ZephyrTemplate.Render([new(ChatMessage.User, prompt)], addGenerationPrompt: true), addBos: true);
            var decoder = new IncrementalDecoder(tokenizer);
            var expected = string.Concat(new TextGenerator(rounded).Generate(ids, new(Temperature: 0, MaxNewTokens: 40)).Select(decoder.Append)) + decoder.Flush();
            string[] about = ["generate", "--model", _world.PathOf("sft"), "--prompt", prompt, "--temperature", "0", "--max_new_tokens", "40"];
            Assert.Equal(new(0, expected + "\n", ""), CliRun.Of([.. about, .. Nested]));
            var whole = CliRun.Of(about);
            Assert.NotEqual(expected + "\n", whole.Output);
            Assert.Equal($"note: the adapter {_world.PathOf("sft")} was trained beside linear maps in NF4 with double quantization and is used beside whole weights: "
                + "load_in_4bit: true with use_bnb_nested_quant: true gives those that it was trained beside\n", whole.Error);
        }
    }

    [Fact]
    public void Nothing_stays_of_a_model_in_4_bits_that_has_answered()
    {
        Train("sft", "float32");
        foreach (var command in new string[][]
        {
            ["generate", "--prompt", "How old is the oak?", "--max_new_tokens", "8"],
            ["score", "--ids", Ids(_world.Pairs)],
            ["eval", "perplexity", "--conversations", _world.Dialogues, "--max_length", "64"],
        })
        {
            string[] whole = [.. command, "--model", _world.PathOf("sft"), .. Nested, "--dtype", "bfloat16"];
            Assert.Equal(0, CliRun.Of(whole).Code);
            var live = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            Assert.Equal(0, CliRun.Of(whole).Code);
            Assert.Equal(live, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
    }

    [Theory]
    [InlineData("generate --prompt a")]
    [InlineData("eval --conversations a")]
    [InlineData("eval perplexity --conversations a")]
    [InlineData("eval preferences --pairs a")]
    [InlineData("score --ids a")]
    [InlineData("serve --port 0")]
    public void What_makes_no_sense_is_refused_alike(string command)
    {
        string Refused(params string[] options)
        {
            var run = CliRun.Of([.. command.Split(' '), "--model", _world.Base, .. options]);
            Assert.Equal((2, ""), (run.Code, run.Output));
            return run.Error;
        }
        Assert.Equal("--use_bnb_nested_quant: has no meaning without load_in_4bit: set it to false (was true)\n", Refused("--use_bnb_nested_quant"));
        Assert.Equal("--dtype: must be auto, float32 or bfloat16 (was float16)\n", Refused("--dtype", "float16"));
        Assert.Equal("--device: must be auto, cpu, cuda or cuda:N (was gpu)\n", Refused("--device", "gpu"));
        Assert.Equal("--cpu_kernels: must be default or native (was fast)\n", Refused("--cpu_kernels", "fast"));
    }

    private void Train(string stage, string dtype, params (string, string)[] more)
    {
        (string, string)[] precision = dtype == "bfloat16" ? [("bf16", "true"), ("torch_dtype", "bfloat16")] : [];
        _world.Run(stage, stage, more: [.. Qlora, .. precision, .. more]);
    }

    private MistralForCausalLM Rounded()
    {
        var source = ModelSource.Of(_world.PathOf("sft"));
        var config = source.ReadConfig();
        using var quantized = ModelFolder.LoadPlain(source.Base, ScalarType.Float32, CPU, trainable: false, new(Nested: true));
        var parameters = new ParameterSet();
        foreach (var (name, weight) in quantized.Parameters.All) parameters.Add(name, weight.detach().clone());
        foreach (var (name, matrix) in quantized.Parameters.Quantized) parameters.Add(name, matrix.Dequantize(ScalarType.Float32));
        var model = new MistralForCausalLM(config, parameters);
        model.Attach(AdapterFolder.Load(source.Folder, config, CPU, trainable: false));
        return model;
    }

    /// <summary>Rows of the same kind that no run trains on.</summary>
    private string Held(string file) => _world.Write("held.jsonl", File.ReadAllText(file).Replace("oak", "elm", StringComparison.Ordinal).Replace("river", "creek", StringComparison.Ordinal));

    /// <summary>The chosen answers as dpo tokenizes them.</summary>
    private string Ids(string pairFile)
    {
        var tokenizer = new PairTokenizer(MistralTokenizer.Load(_world.Base), maxLength: 64, maxPromptLength: 32, "keep_end", insertSystem: false);
        var pairs = PreferenceSchema.Read([pairFile]).Select(tokenizer.Tokenize);
        return _world.Write("ids.jsonl", string.Concat(pairs.Select(pair => $"{{\"prompt_ids\": {List(pair.PromptIds)}, \"completion_ids\": {List(pair.ChosenIds)}}}\n")));

        static string List(int[] ids) => "[" + string.Join(", ", ids.Select(id => id.ToString(CultureInfo.InvariantCulture))) + "]";
    }

    private static JsonElement Json(string command, string[] options)
    {
        var run = CliRun.Of([.. command.Split(' '), .. options]);
        Assert.True(run.Code == 0, run.Error);
        return JsonDocument.Parse(run.Output).RootElement;
    }

    private Dictionary<string, double> LastEvaluation(string output) =>
        JsonSerializer.Deserialize<Dictionary<string, double>>(File.ReadLines(_world.PathOf($"{output}/metrics.jsonl")).Last(line => line.Contains("\"eval_", StringComparison.Ordinal)))!
            .Where(entry => entry.Key.StartsWith("eval_", StringComparison.Ordinal)).ToDictionary(entry => entry.Key["eval_".Length..], entry => entry.Value);
}
