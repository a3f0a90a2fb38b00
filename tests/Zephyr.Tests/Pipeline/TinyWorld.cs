using System.Text.Json;
using Zephyr.Configuration;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Weights;
using Zephyr.Pipeline;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Training;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Pipeline;

/// <summary>A model of two layers with the demo's tokenizer and a handful of rows, in a folder of one test: what a person has who begins.</summary>
internal sealed class TinyWorld : IDisposable
{
    /// <summary>What every run here says: 11 rows less one held out, 2 a micro-batch, 2 a step, 3 epochs make 9 steps.</summary>
    private static readonly Dictionary<string, string> Keys = new()
    {
        ["device"] = "cpu",
        ["num_train_epochs"] = "3",
        ["per_device_train_batch_size"] = "2",
        ["gradient_accumulation_steps"] = "2",
        ["learning_rate"] = "2e-3",
        ["lr_scheduler_type"] = "cosine",
        ["warmup_ratio"] = "0.1",
        ["logging_steps"] = "2",
        ["eval_fraction"] = "0.1",
        ["eval_strategy"] = "steps",
        ["eval_steps"] = "3",
        ["save_steps"] = "4",
        ["max_length"] = "64",
    };

    private readonly TempFolder _folder = new();

    public TinyWorld()
    {
        WriteModel("base");
        Dialogues = Write("dialogues.jsonl", Enumerable.Range(0, 11).Select(i => new { messages = Turns($"Tell me of the {Word(i)}.", $"The {Word(i)} is {i} years old.") }));
        Pairs = Write("pairs.jsonl", Enumerable.Range(0, 11).Select(i => new
        {
            prompt = $"How old is the {Word(i)}?",
            chosen = Turns($"How old is the {Word(i)}?", $"It is {i} years old, and well."),
            rejected = Turns($"How old is the {Word(i)}?", "No."),
        }));
        Feedback = Write("feedback.jsonl", Enumerable.Range(0, 14).Select(i => new
        {
            instruction = $"How old is the {Word(i)}?",
            completions = Enumerable.Range(0, 3).Select(j => new { model = $"m{j}", response = $"It may be {i + j} years old.", overall_score = (i + 3 * j) % 10 }),
        }));
    }

    public string Base => PathOf("base");

    /// <summary>A model of another shape with random weights and the same tokenizer.</summary>
    public string FreshFolder(string name, MistralConfig shape)
    {
        Directory.CreateDirectory(PathOf(name));
        using (var model = FreshModel.Create(shape, 1, CPU)) ModelFolder.Save(PathOf(name), shape, model.Parameters.All, long.MaxValue);
        File.Copy(Path.Combine(Base, "tokenizer.model"), Path.Combine(PathOf(name), "tokenizer.model"));
        return PathOf(name);
    }

    public string Dialogues { get; }

    public string Pairs { get; }

    public string Feedback { get; }

    public string PathOf(string name) => _folder.PathOf(name);

    public string Write(string name, string content) => _folder.Write(name, content);

    public void Dispose() => _folder.Dispose();

    /// <summary>A model folder as a person would have downloaded it.</summary>
    public string WriteModel(string name, long seed = 1, int vocabulary = 1000)
    {
        var folder = Directory.CreateDirectory(PathOf(name)).FullName;
        var shape = new MistralConfig
        {
            VocabSize = vocabulary,
            HiddenSize = 16,
            IntermediateSize = 32,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 1,
            HeadDim = 8,
            MaxPositionEmbeddings = 128,
            SlidingWindow = 32,
            InitializerRange = 0.2,
        };
        using var model = FreshModel.Create(shape, seed, CPU);
        ModelFolder.Save(folder, shape, model.Parameters.All, long.MaxValue);
        TokenizerFiles.Write(folder, Tokenizer(), shape.MaxPositionEmbeddings);
        return folder;
    }

    /// <summary>Keys of a stage as options of the program; later ones win.</summary>
    public IEnumerable<(string Key, string Value)> KeysOf(string stage, string output, params (string Key, string Value)[] more)
    {
        var keys = new Dictionary<string, string>(Keys)
        {
            ["model_name_or_path"] = Base,
            ["dataset"] = stage == "sft" ? Dialogues : Pairs,
            ["output_dir"] = PathOf(output),
            ["dataset_cache_dir"] = PathOf("cache"),
        };
        if (stage == "dpo") keys["max_prompt_length"] = "32";
        // One name for one thing: max_length is max_seq_length's other name.
        if (more.Any(entry => entry.Key == "max_seq_length")) keys.Remove("max_length");
        if (more.Any(entry => entry.Key == "dataset_mixer")) keys.Remove("dataset");
        if (more.Any(entry => entry.Key == "dataset_splits")) keys.Remove("eval_fraction");
        foreach (var (key, value) in more) keys[key] = value;
        return keys.Select(entry => (entry.Key, entry.Value));
    }

    public TrainingSummary Run(string stage, string output, ITrainingObserver? observer = null, string resume = "auto",
        params (string Key, string Value)[] more)
    {
        var options = KeysOf(stage, output, more).Select(entry => new ConfigOverride(entry.Key, entry.Value)).ToList();
        var cancellation = observer is StopAfter stop ? stop.Token : TestContext.Current.CancellationToken;
        var settings = new StageSettings(resume, observer ?? SilentObserver.Instance);
        return stage == "sft"
            ? DistilledSft.Run(ConfigReader.ReadText<SftConfig>(null, null, options), settings, cancellation)
            : DistilledDpo.Run(ConfigReader.ReadText<DpoConfig>(null, null, options), settings, cancellation);
    }

    /// <summary>The files of an output folder that must be the same where the run was: all but times, log, and what names the folder (or hashes what does).</summary>
    public Dictionary<string, byte[]> Bytes(string output) => Directory.EnumerateFiles(PathOf(output), "*", SearchOption.AllDirectories)
        .Where(path => Path.GetFileName(path) is not ("timings.jsonl" or "zephyr.log" or "run.json" or "README.md" or "manifest.json"))
        .ToDictionary(path => Path.GetRelativePath(PathOf(output), path), File.ReadAllBytes);

    public string[] Names(string output) => !Directory.Exists(PathOf(output)) ? []
        : [.. Directory.EnumerateFileSystemEntries(PathOf(output)).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private static MistralTokenizer Tokenizer()
    {
        using var resource = typeof(Demo).Assembly.GetManifestResourceStream("demo/tokenizer.model")!;
        using var bytes = new MemoryStream();
        resource.CopyTo(bytes);
        return new(SentencePieceModel.Parse(bytes.ToArray(), "the demo's tokenizer"));
    }

    private string Write<T>(string name, IEnumerable<T> rows) =>
        _folder.Write(name, string.Concat(rows.Select(row => JsonSerializer.Serialize(row) + "\n")));

    private static object[] Turns(string user, string assistant) => [new { role = "user", content = user }, new { role = "assistant", content = assistant }];

    private static string Word(int i) => $"{(i % 2 == 0 ? "oak" : "river")} of {(char)('A' + i)}{new string('a', i % 5)}";
}
