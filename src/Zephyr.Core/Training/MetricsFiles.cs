using System.Text.Json;
using Zephyr.Runtime;

namespace Zephyr.Training;

/// <summary>
/// metrics.jsonl (no times in it: the same seed gives the same bytes) and timings.jsonl of the same steps, one flushed line a
/// logged step. Resuming cuts both back to the checkpoint's step.
/// </summary>
public sealed class MetricsFiles(string folder) : ITrainingObserver
{
    private readonly string _metrics = Path.Combine(folder, "metrics.jsonl"), _timings = Path.Combine(folder, "timings.jsonl");

    /// <inheritdoc/>
    public void OnStart(TrainingPlan plan)
    {
        CutBack(_metrics, plan);
        CutBack(_timings, plan);
    }

    /// <inheritdoc/>
    public void OnStep(StepReport report)
    {
        if (!report.Logged) return;
        Append(_metrics, report.Step, report.Epoch, report.Metrics);
        var timings = new Dictionary<string, double> { ["seconds"] = report.Seconds, ["tokens_per_second"] = report.TokensPerSecond };
        if (report.MemoryBytes is { } bytes) timings["memory_mib"] = bytes / (1024.0 * 1024.0);
        if (report.DeviceMemoryBytes is { } onDevice) timings["device_memory_mib"] = onDevice / (1024.0 * 1024.0);
        Append(_timings, report.Step, report.Epoch, timings);
    }

    /// <inheritdoc/>
    public void OnEvaluation(EvaluationReport report)
    {
        Append(_metrics, report.Step, report.Epoch, report.Metrics);
    }

    /// <inheritdoc/>
    public void OnCheckpoint(string path, int afterStep) { }

    /// <inheritdoc/>
    public void OnNote(string text) { }

    /// <inheritdoc/>
    public void OnEnd(TrainingSummary summary) { }

    private static void Append(string path, int step, double epoch, IReadOnlyDictionary<string, double> values)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("step", step);
            json.WriteNumber("epoch", epoch);
            foreach (var (name, value) in values)
            {
                // JSON has no NaN; null says that there was no number.
                if (double.IsFinite(value)) json.WriteNumber(name, value);
                else json.WriteNull(name);
            }
            json.WriteEndObject();
        }
        buffer.WriteByte((byte)'\n');
        using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, 0);
        var whole = file.Seek(0, SeekOrigin.End);
        try
        {
            WholeFile.Guard(() => buffer.WriteTo(file));
        }
        catch (IOException)
        {
            // What a full disk took of the line.
            file.SetLength(whole);
            throw;
        }
    }

    /// <summary>
    /// Keeps the lines up to the step the run goes on from, without that step's evaluation where it is repeated. A run that
    /// starts over keeps none. A line torn by a crash belongs to a step after the checkpoint.
    /// </summary>
    private static void CutBack(string path, TrainingPlan plan)
    {
        if (!File.Exists(path)) return;
        var kept = plan.StartStep == 0 ? [] : File.ReadLines(path).Where(line => Precedes(line, plan));
        WholeFile.Write(path, file =>
        {
            using var writer = new StreamWriter(file, leaveOpen: true) { NewLine = "\n" };
            foreach (var line in kept) writer.WriteLine(line);
        });
    }

    private static bool Precedes(string line, TrainingPlan plan)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var step = json.RootElement.GetProperty("step").GetInt32();
            return step < plan.StartStep || (step == plan.StartStep && !(plan.RepeatsEvaluation && IsEvaluation(json.RootElement)));
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return false;
        }
    }

    private static bool IsEvaluation(JsonElement line) =>
        line.EnumerateObject().Any(value => value.Name.StartsWith("eval_", StringComparison.Ordinal));
}
