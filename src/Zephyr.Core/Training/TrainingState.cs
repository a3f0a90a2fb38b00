using System.Text.Json;
using System.Text.Json.Serialization;
using Zephyr.Runtime;
using Zephyr.Training.Watchdogs;

namespace Zephyr.Training;

/// <summary>
/// Everything a run needs to go on beside weights and moments. The position in the data is the step: the order of the rows
/// is a pure function of (seed, epoch).
/// </summary>
/// <param name="Step">Optimizer steps taken.</param>
/// <param name="Tokens">Tokens the policy has seen.</param>
/// <param name="TallySums">Sums of the metrics since the last logged step.</param>
/// <param name="TallyWeights">Their weights.</param>
/// <param name="EvaluationDue">The evaluation that belongs to this step was cut off and is still to be made.</param>
/// <param name="Shape">What must be the same for the steps to mean the same: objective, rows, batch sizes, steps, seed.</param>
internal sealed record TrainingState(
    int Step, long Tokens, double[] TallySums, double[] TallyWeights, bool EvaluationDue, SortedDictionary<string, string> Shape)
{
    public const string FileName = "trainer_state.json";

    /// <summary>What the watchdogs remember.</summary>
    public WatchState Watch { get; init; } = new();

    /// <summary>The best model so far; null where models are not compared.</summary>
    public BestModelState? Best { get; init; }

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        NewLine = "\n",
        // A metric beside the loss may be infinite without harm to the weights.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    public void Write(string folder) => File.WriteAllText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, Json) + "\n");

    public static TrainingState Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            var state = JsonSerializer.Deserialize<TrainingState>(File.ReadAllBytes(path), Json) ?? throw new JsonException("it is null");
            if (state.Step < 0 || state.Tokens < 0 || state.TallySums.Length != state.TallyWeights.Length)
                throw new JsonException($"it speaks of step {state.Step}, {state.Tokens} tokens, {state.TallySums.Length} sums and {state.TallyWeights.Length} weights");
            return state;
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be used: {error.Message}; resume from another checkpoint, or start over with --resume never", error);
        }
    }

    /// <summary>Refuses a checkpoint of a run whose steps meant something else.</summary>
    public void RequireSameShape(string folder, SortedDictionary<string, string> current)
    {
        var differences = current.Where(entry => Shape.GetValueOrDefault(entry.Key) != entry.Value)
            .Select(entry => $"{entry.Key} was {Shape.GetValueOrDefault(entry.Key, "not stated")} and is {entry.Value}").ToList();
        if (differences.Count > 0)
            throw new UserErrorException($"{folder}: this checkpoint cannot be continued: {string.Join(", ", differences)}; "
                + "put the values back, or start over with --resume never and overwrite_output_dir");
    }
}
