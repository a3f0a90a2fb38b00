using Zephyr.Configuration;
using Zephyr.Runtime;
using Zephyr.Tests.Training;
using Zephyr.Training;

namespace Zephyr.Tests.Pipeline;

/// <summary>How rows become sequences, seen from whole runs.</summary>
public sealed class TokenizationRunTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("bfd", "0 cut")]
    [InlineData("bfd_split", "0 split")]
    public void Best_fit_packing_trains_whole_documents_and_resumes_to_the_same_bytes(string strategy, string cut)
    {
        (string, string)[] more = [("packing", "true"), ("packing_strategy", strategy), ("max_seq_length", "120"), ("max_steps", "4"), ("save_steps", "2")];
        var notes = new Notes();
        _world.Run("sft", "straight", notes, more: more);
        Assert.Contains(notes.Lines, line => line.StartsWith("training data: 10 conversations, ", StringComparison.Ordinal)
            && line.Contains($" packed rows ({strategy}, ", StringComparison.Ordinal) && line.Contains($"; {cut}, 0 left out", StringComparison.Ordinal));
        using (var stop = new StopAfter(3)) Assert.True(_world.Run("sft", "stopped", stop, more: more).Interrupted);
        _world.Run("sft", "stopped", more: more);
        Directory.Delete(_world.PathOf("stopped/checkpoint-3"), recursive: true);
        Assert.Equal(_world.Bytes("straight"), _world.Bytes("stopped"));
    }

    /// <summary>Documents stay apart, so packing changes which rows make a step and nothing else: one step over all rows is the same step.</summary>
    [Fact]
    public void One_step_over_all_rows_is_the_same_with_and_without_best_fit_packing()
    {
        (string, string)[] more = [("max_seq_length", "120"), ("max_steps", "1"), ("per_device_train_batch_size", "16"), ("logging_steps", "1")];
        var (apart, packed) = (new Notes(), new Notes());
        _world.Run("sft", "apart", apart, more: more);
        _world.Run("sft", "packed", packed, more: [.. more, ("packing", "true"), ("packing_strategy", "bfd")]);
        Assert.Equal(apart.Steps.Single()["num_tokens"], packed.Steps.Single()["num_tokens"]);
        Assert.Equal(apart.Steps.Single()["loss"], packed.Steps.Single()["loss"], 1e-5);
        Assert.Equal(apart.Steps.Single()["grad_norm"], packed.Steps.Single()["grad_norm"], 1e-5);
    }

    [Theory]
    [InlineData("sft"), InlineData("dpo")]
    public void Any_number_of_threads_gives_the_same_run(string stage)
    {
        _world.Run(stage, "one", more: [("dataset_num_proc", "1"), ("max_steps", "4")]);
        using (var stop = new StopAfter(2)) _world.Run(stage, "four", stop, more: [("dataset_num_proc", "4"), ("max_steps", "4")]);
        _world.Run(stage, "four", more: [("dataset_num_proc", "2"), ("max_steps", "4")]);
        Assert.Equal(_world.Bytes("one")["model.safetensors"], _world.Bytes("four")["model.safetensors"]);
    }

    [Theory]
    [InlineData("zephyr", "keep_end")]
    [InlineData("handbook-v0.3", "keep_end")]
    [InlineData("trl", "keep_start")]
    public void Every_tokenization_trains_and_says_how_long_the_rows_are(string tokenization, string truncation)
    {
        var notes = new Notes();
        _world.Run("dpo", "out", notes, more: [("tokenization", tokenization), ("truncation_mode", truncation), ("max_steps", "1")]);
        var table = notes.Lines.SkipWhile(line => !line.StartsWith("training tokens", StringComparison.Ordinal)).Take(4).ToList();
        Assert.Equal(["prompt", "chosen", "rejected"], table.Skip(1).Select(line => line.Split(' ')[0]));
        Assert.All(table, line => Assert.Equal(table[0].Length, line.Length));
        Assert.Contains(notes.Lines, line => line.StartsWith("held-out tokens", StringComparison.Ordinal));
    }

    [Fact]
    public void Prompts_that_all_fill_the_length_leave_nothing_to_train_on() =>
        Assert.Equal("none of the 10 training pairs has a prompt under max_length 8, which has to hold prompt and answer",
            Assert.Throws<UserErrorException>(() => _world.Run("dpo", "out", more: [("tokenization", "trl"), ("truncation_mode", "keep_start"), ("max_length", "8")])).Message);

    [Fact]
    public void Trl_takes_no_prompt_length_and_cuts_no_fronts()
    {
        Assert.Equal("--truncation_mode: must be keep_start for tokenization trl (was keep_end)", Problem(("tokenization", "trl"), ("truncation_mode", "keep_end")));
        Assert.StartsWith("--max_prompt_length: must be under max_length", Problem(("tokenization", "handbook-v0.3"), ("max_prompt_length", "64")), StringComparison.Ordinal);
        ConfigReader.ReadText<DpoConfig>(null, null, Overrides(("tokenization", "trl"), ("truncation_mode", "keep_start"), ("max_prompt_length", "64")));
    }

    private string Problem(params (string, string)[] more) =>
        Assert.Throws<ConfigException>(() => ConfigReader.ReadText<DpoConfig>(null, null, Overrides(more))).Message;

    private List<ConfigOverride> Overrides(params (string, string)[] more) =>
        [.. _world.KeysOf("dpo", "out", more).Select(entry => new ConfigOverride(entry.Key, entry.Value))];

    /// <summary>What a run says, and its steps.</summary>
    private sealed class Notes : ITrainingObserver
    {
        public List<string> Lines { get; } = [];

        public List<IReadOnlyDictionary<string, double>> Steps { get; } = [];

        public void OnNote(string text) => Lines.Add(text);

        public void OnStep(StepReport report) => Steps.Add(report.Metrics);

        public void OnStart(TrainingPlan plan) { }

        public void OnEvaluation(EvaluationReport report) { }

        public void OnCheckpoint(string path, int afterStep) { }

        public void OnEnd(TrainingSummary summary) { }
    }
}
