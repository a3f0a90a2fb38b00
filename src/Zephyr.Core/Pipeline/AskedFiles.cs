using System.Text.Encodings.Web;
using System.Text.Json;
using Zephyr.Feedback;
using Zephyr.Feedback.Judging;

namespace Zephyr.Pipeline;

/// <summary>
/// What came of asking: <c>completions.jsonl</c>, a row a prompt in the shape of raw UltraFeedback, and <c>failures.jsonl</c>, a line for everything that could not be had, with its reason;
/// the second only where there is something.
/// </summary>
internal sealed class AskedFiles : IDisposable
{
    /// <summary>The names of the files.</summary>
    public const string Completions = "completions.jsonl", Failures = "failures.jsonl";

    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Func<string, string> _pathOf;
    private readonly FileStream _completions;
    private FileStream? _failures;

    /// <param name="pathOf">Where a file of that name is to be written.</param>
    public AskedFiles(Func<string, string> pathOf) => (_pathOf, _completions) = (pathOf, File.Create(pathOf(Completions)));

    /// <summary>Answers there are.</summary>
    public long Answers { get; private set; }

    /// <summary>Answers that could not be had.</summary>
    public long FailedAnswers { get; private set; }

    /// <summary>Questions to the judge that came to nothing.</summary>
    public long FailedJudgments { get; private set; }

    /// <summary>What failures.jsonl says: "; FILE says why (the first: REASON)", or nothing where it was not written.</summary>
    /// <param name="files">The files of a run that has ended.</param>
    public static string Why(IReadOnlyList<string> files)
    {
        if (files.FirstOrDefault(file => Path.GetFileName(file) == Failures) is not { } path) return "";
        using var first = JsonDocument.Parse(File.ReadLines(path).First());
        return $"{path} says why (the first: {first.RootElement.GetProperty("reason").GetString()})";
    }

    /// <summary>Adds a prompt.</summary>
    public void Add(JudgedPrompt judged)
    {
        FeedbackRowJson.Write(_completions, judged);
        var answers = judged.Prompt.Answers;
        for (var i = 0; i < answers.Count; i++)
        {
            if (answers[i].Failure is { } reason) Fail(judged, $"answer {i + 1}", answers[i].Model, reason);
            else Answers++;
        }
        FailedAnswers += answers.Count(answer => answer.Failure is not null);
        foreach (var failure in judged.Failures) Fail(judged, failure.What, judged.Judge, failure.Reason);
        FailedJudgments += judged.Failures.Count;
    }

    /// <summary>Waits until all is on the disk.</summary>
    public void Complete()
    {
        _completions.Flush(flushToDisk: true);
        _failures?.Flush(flushToDisk: true);
    }

    public void Dispose()
    {
        _completions.Dispose();
        _failures?.Dispose();
    }

    private void Fail(JudgedPrompt judged, string what, string model, string reason)
    {
        _failures ??= File.Create(_pathOf(Failures));
        using (var json = new Utf8JsonWriter(_failures, Readable))
        {
            json.WriteStartObject();
            json.WriteString("prompt_id", PromptId.Of(judged.Prompt.Prompt));
            json.WriteString("what", what);
            json.WriteString("model", model);
            json.WriteString("reason", reason);
            json.WriteEndObject();
        }
        _failures.WriteByte((byte)'\n');
    }
}
