using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Tests.Configuration;

public class ConfigReaderTests
{
    private const string Enough = "model_name_or_path: base\ndataset: rows.jsonl\noutput_dir: out\n";

    [Fact]
    public void Options_come_after_the_file_and_the_file_after_the_defaults()
    {
        var resolved = Sft("learning_rate: 1e-4\nseed: 7\n", ("learning-rate", "3e-5"), ("eval_fraction", "0.1"), ("evaluation_strategy", "epoch"));
        Assert.Equal((3e-5, 7L, 0.9), (resolved.Value.Optimizer.LearningRate, resolved.Value.Run.Seed, resolved.Value.Optimizer.AdamBeta1));
        Assert.Equal("epoch", resolved.Value.Cadence.EvalStrategy);
        Assert.Equal("option --learning-rate", Origin(resolved, "learning_rate"));
        Assert.Equal("option --evaluation_strategy", Origin(resolved, "eval_strategy"));
        Assert.Equal("file sft.yaml line 5", Origin(resolved, "seed"));
        Assert.Equal("default", Origin(resolved, "adam_beta1"));
    }

    [Fact]
    public void Every_stage_has_its_own_defaults()
    {
        Assert.Equal(2e-5, ConfigSchema.Of<SftConfig>().Find("learning_rate")!.Default);
        Assert.Equal(1e-6, ConfigSchema.Of<DpoConfig>().Find("learning_rate")!.Default);
        Assert.Null(ConfigSchema.Of<AifConfig>().Find("learning_rate"));
    }

    [Theory]
    [InlineData("2e-5", 2e-5)]
    [InlineData("2.0e-05", 2e-5)]
    [InlineData("+.5", 0.5)]
    [InlineData("1", 1.0)]
    [InlineData("0x10", 16.0)]
    [InlineData("0o17", 15.0)]
    [InlineData("1.", 1.0)]
    public void Numbers_are_those_of_YAML_1_2(string text, double expected) =>
        Assert.Equal(expected, Sft($"learning_rate: {text}\n").Value.Optimizer.LearningRate);

    [Fact]
    public void A_single_text_is_a_list_of_one_and_null_is_the_default()
    {
        var value = Sft("eval_dataset: [a.jsonl, 'b c.jsonl']\ntokenizer_name_or_path: null\nmax_steps: ~\nadam_beta2:\neval_strategy: no\n").Value;
        Assert.Equal(["rows.jsonl"], value.Data.Dataset);
        Assert.Equal(["a.jsonl", "b c.jsonl"], value.Data.EvalDataset);
        Assert.Null(value.Model.TokenizerNameOrPath);
        Assert.Equal((-1, 0.999, "no"), (value.Training.MaxSteps, value.Optimizer.AdamBeta2, value.Cadence.EvalStrategy));
    }

    [Fact]
    public void On_the_command_line_text_needs_no_quotes_and_a_glob_is_no_alias()
    {
        var value = Sft("", ("output_dir", "2024"), ("dataset", "*.parquet"), ("eval-dataset", "[a, \"b, c\"]"), ("packing", "true")).Value;
        Assert.Equal("2024", value.Run.OutputDir);
        Assert.Equal(["*.parquet"], value.Data.Dataset);
        Assert.Equal(["a", "b, c"], value.Data.EvalDataset);
        Assert.True(value.Sft.Packing);
    }

    [Fact]
    public void The_printed_form_reads_back_as_the_same_values()
    {
        var first = Sft("eval_dataset: ['', x]\n".Replace("'', ", "'a: #b', 'null', "), ("device", "cpu"), ("learning_rate", "5e-7"), ("output_dir", "it's \"é\"\tthere"));
        var second = ConfigReader.ReadText<SftConfig>(first.ToText(), "printed.yaml", []);
        Assert.Equal(first.Keys.Select(key => (key.Name, YamlText.Of(key.Value))), second.Keys.Select(key => (key.Name, YamlText.Of(key.Value))));
        Assert.All(second.Keys, key => Assert.StartsWith("file printed.yaml line ", key.Origin));
        Assert.Contains("learning_rate: 5e-07  ", first.ToText());
    }

    [Fact]
    public void The_record_for_the_run_has_value_and_origin_of_every_key()
    {
        var json = Sft("learning_rate: 2e-5\n").ToJson();
        Assert.Equal(ConfigSchema.Of<SftConfig>().Keys.Select(key => key.Name), json.Select(entry => entry.Key));
        Assert.Equal("""{"value":2E-05,"origin":"file sft.yaml line 4"}""", json["learning_rate"]!.ToJsonString());
        Assert.Equal("""{"value":["rows.jsonl"],"origin":"file sft.yaml line 2"}""", json["dataset"]!.ToJsonString());
        Assert.Equal("""{"value":null,"origin":"default"}""", json["tokenizer_name_or_path"]!.ToJsonString());
    }

    [Theory]
    [InlineData("lerning_rate", "learning_rate")]
    [InlineData("learnign_rate", "learning_rate")]
    [InlineData("Learning-Rate", "learning_rate")]
    [InlineData("per_device_batch_size", "per_device_eval_batch_size")]
    [InlineData("sed", "seed")]
    [InlineData("x", null)]
    public void The_nearest_key_is_suggested_only_where_it_is_near(string typed, string? expected) =>
        Assert.Equal(expected, NearestName.Find(typed, ConfigSchema.Of<SftConfig>().Keys.Select(key => key.Name)));

    [Fact]
    public void An_empty_file_is_an_empty_mapping() =>
        Assert.Equal("base", ConfigReader.ReadText<SftConfig>("# nothing\n", "sft.yaml",
            [new("model_name_or_path", "base"), new("dataset", "d"), new("output_dir", "o")]).Value.Model.ModelNameOrPath);

    private static string Origin<T>(ResolvedConfig<T> resolved, string key) where T : class =>
        resolved.Keys.Single(candidate => candidate.Name == key).Origin;

    private static ResolvedConfig<SftConfig> Sft(string lines, params (string Key, string Value)[] options) =>
        ConfigReader.ReadText<SftConfig>(Enough + lines, "sft.yaml", [.. options.Select(option => new ConfigOverride(option.Key, option.Value))]);
}
