using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Feedback;
using Zephyr.Model;
using Zephyr.Model.Generation;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Pipeline;

/// <summary>A prompt and what each model of the demo answers to it.</summary>
public sealed record DemoAnswer(string Prompt, string Base, string Sft, string Dpo);

/// <summary>What the demo showed. The metrics are the stages' own evaluations of held-out rows, before the first and after the last step.</summary>
public sealed record DemoResult(
    IReadOnlyDictionary<string, double> SftBefore, IReadOnlyDictionary<string, double> SftAfter,
    IReadOnlyDictionary<string, double> DpoBefore, IReadOnlyDictionary<string, double> DpoAfter,
    FeedbackAudit Audit, IReadOnlyList<DemoAnswer> Answers);

/// <summary>
/// The main job on an embedded default: a fresh tiny Mistral learns from the embedded dialogues, the embedded scored answers
/// become pairs, the model is aligned on them. The stages are configs/tiny as it stands, with other output folders.
/// </summary>
public static class Demo
{
    private const string ResultFile = "demo.json";
    private static readonly string[] Parts = ["base", "data", "sft", "aif", "dpo"];
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };
    private static readonly string[] DataFiles = ["dialogues_train.jsonl", "dialogues_test.jsonl", "feedback.jsonl"];

    /// <summary>The shape of the base model: about a million parameters.</summary>
    private static readonly MistralConfig Shape = new()
    {
        VocabSize = 1000,
        HiddenSize = 128,
        IntermediateSize = 352,
        NumHiddenLayers = 4,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 32,
        MaxPositionEmbeddings = 512,
        SlidingWindow = 256,
        TieWordEmbeddings = true,
    };

    /// <summary>Runs the three stages and lets the three models answer.</summary>
    /// <param name="outputDir">Receives base, data, sft, aif, dpo and demo.json; an earlier demo in it is overwritten, nothing else is.</param>
    /// <param name="seed">Seed of every random choice.</param>
    /// <param name="observer">Who watches.</param>
    /// <param name="cancellation">Finishes the step in hand, saves, and stops.</param>
    /// <param name="device">Where: the only key of configs/tiny that is the caller's.</param>
    /// <exception cref="UserErrorException">The folder cannot be written, or holds other runs; or there is no such device.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static DemoResult Run(string outputDir, long seed, ITrainingObserver observer, CancellationToken cancellation, string device = "cpu")
    {
        ComputeDevice.Resolve(device);
        string Part(string name) => Path.Combine(outputDir, name);
        Claim(outputDir);
        WriteData(Part("data"));
        WriteBase(Part("base"), seed);

        var sft = new EvaluationRecorder(observer);
        Stop(DistilledSft.Run(Config<SftConfig>("sft",
            ("model_name_or_path", Part("base")), ("dataset", Part("data/dialogues_train.jsonl")), ("eval_dataset", Part("data/dialogues_test.jsonl")),
            ("dataset_cache_dir", "none"), ("output_dir", Part("sft")), ("device", device), ("overwrite_output_dir", "true"), ("seed", $"{seed}")), new("never", sft), cancellation));

        var audit = AiFeedback.Run(Config<AifConfig>("aif",
            ("feedback", Part("data/feedback.jsonl")), ("output_dir", Part("aif")), ("overwrite_output_dir", "true"), ("seed", $"{seed}")), cancellation).Audit;

        var dpo = new EvaluationRecorder(observer);
        Stop(DistilledDpo.Run(Config<DpoConfig>("dpo",
            ("model_name_or_path", Part("sft")), ("dataset", Part("aif/train_prefs.parquet")), ("eval_dataset", Part("aif/test_prefs.parquet")),
            ("dataset_cache_dir", "none"), ("output_dir", Part("dpo")), ("device", device), ("overwrite_output_dir", "true"), ("seed", $"{seed}")), new("never", dpo), cancellation));

        var answers = Answer(Part("data/dialogues_test.jsonl"), [Part("base"), Part("sft"), Part("dpo")], device);
        var result = new DemoResult(sft.First, sft.Last, dpo.First, dpo.Last, audit, answers);
        File.WriteAllText(Part(ResultFile), JsonSerializer.Serialize(result, Json) + "\n");
        return result;
    }

    /// <summary>Makes the folder the demo's own; one that holds other runs is refused before anything in it is touched.</summary>
    private static void Claim(string folder)
    {
        var foreign = Parts.FirstOrDefault(part => Path.Exists(Path.Combine(folder, part)));
        if (foreign is not null && !File.Exists(Path.Combine(folder, ResultFile)))
            throw new UserErrorException($"output_dir: {folder} holds {foreign}, which is no demo's ({ResultFile} is missing); expected another folder, or an earlier demo's");
        try
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, ResultFile), "{}\n");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"output_dir: {folder} cannot be written: {error.Message}", error);
        }
    }

    private static ResolvedConfig<T> Config<T>(string stage, params (string Key, string Value)[] values) where T : class, new() =>
        ConfigReader.ReadText<T>(Text($"{stage}.yaml"), $"configs/tiny/{stage}.yaml", [.. values.Select(value => new ConfigOverride(value.Key, value.Value))]);

    private static void WriteData(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var name in DataFiles) File.WriteAllText(Path.Combine(folder, name), Text(name));
    }

    private static void WriteBase(string folder, long seed)
    {
        Directory.CreateDirectory(folder);
        var tokenizer = new MistralTokenizer(SentencePieceModel.Parse(Bytes("tokenizer.model"), "the demo's tokenizer"));
        using var model = FreshModel.Create(Shape, seed, CPU);
        ModelFolder.Save(folder, Shape, model.Parameters.All, long.MaxValue);
        TokenizerFiles.Write(folder, tokenizer, Shape.MaxPositionEmbeddings);
    }

    /// <summary>Answers to the first held-out questions, drawn with one seed.</summary>
    private static List<DemoAnswer> Answer(string heldOut, string[] folders, string device)
    {
        var prompts = ConversationSchema.Read([heldOut]).Take(3).Select(conversation => conversation.Messages[0].Content).ToList();
        var texts = folders.Select(folder =>
        {
            using var model = TextModel.Load(folder, LoadOptions.Exact with { Device = device });
            return prompts.Select(prompt => Complete(model.Model, model.Tokenizer, prompt)).ToList();
        }).ToList();
        return [.. prompts.Select((prompt, i) => new DemoAnswer(prompt, texts[0][i], texts[1][i], texts[2][i]))];
    }

    private static string Complete(MistralForCausalLM model, MistralTokenizer tokenizer, string prompt)
    {
        var ids = tokenizer.Encode(ZephyrTemplate.Render([new(ChatMessage.User, prompt)], addGenerationPrompt: true), addBos: true);
        var answer = new TextGenerator(model).Generate(ids, new(Temperature: 0.7, TopP: 0.9, MaxNewTokens: 60));
        return tokenizer.Decode([.. answer]);
    }

    private static void Stop(TrainingSummary summary)
    {
        if (summary.Interrupted) throw new OperationCanceledException("the demo was interrupted");
    }

    private static string Text(string name) => System.Text.Encoding.UTF8.GetString(Bytes(name));

    private static byte[] Bytes(string name)
    {
        using var resource = Assembly.GetExecutingAssembly().GetManifestResourceStream($"demo/{name}")
            ?? throw new InvalidOperationException($"the resource {name} is not embedded");
        using var bytes = new MemoryStream();
        resource.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>Keeps the first and the last evaluation and passes everything on.</summary>
    private sealed class EvaluationRecorder(ITrainingObserver inner) : ITrainingObserver
    {
        private readonly List<IReadOnlyDictionary<string, double>> _all = [];

        public IReadOnlyDictionary<string, double> First => _all[0];

        public IReadOnlyDictionary<string, double> Last => _all[^1];

        public void OnEvaluation(EvaluationReport report)
        {
            _all.Add(report.Metrics);
            inner.OnEvaluation(report);
        }

        public void OnStart(TrainingPlan plan) => inner.OnStart(plan);

        public void OnStep(StepReport report) => inner.OnStep(report);

        public void OnCheckpoint(string path, int afterStep) => inner.OnCheckpoint(path, afterStep);

        public void OnNote(string text) => inner.OnNote(text);

        public void OnEnd(TrainingSummary summary) => inner.OnEnd(summary);
    }
}
