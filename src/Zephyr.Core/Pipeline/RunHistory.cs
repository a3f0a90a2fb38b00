using System.Text.Json.Nodes;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>
/// What became of a run, in its run.json: one part for every time it was started, with its beginning and end, steps, tokens and seconds. Written when a part
/// begins and again when it ends; one that was killed keeps its beginning.
/// </summary>
internal sealed class RunHistory
{
    private const string Running = "running";

    private readonly string _path;
    private readonly JsonObject _record;
    private readonly TimeProvider _clock;
    private readonly JsonObject _part;
    private readonly long _begun, _tokensBefore;

    /// <summary>Begins a part and writes the record.</summary>
    /// <param name="folder">The output folder.</param>
    /// <param name="record">Everything else that run.json holds.</param>
    /// <param name="goesOn">The folder's earlier parts belong to this run.</param>
    /// <param name="step">Steps taken before.</param>
    /// <param name="tokens">Tokens seen before.</param>
    /// <param name="clock">What time it is.</param>
    /// <exception cref="IOException">The record cannot be written.</exception>
    public RunHistory(string folder, JsonObject record, bool goesOn, int step, long tokens, TimeProvider clock)
    {
        (_path, _record, _clock, _begun, _tokensBefore) = (Path.Combine(folder, OutputFolder.RecordName), record, clock, clock.GetTimestamp(), tokens);
        var parts = goesOn && RunRecord.Read(folder)?["parts"] is JsonArray earlier ? (JsonArray)earlier.DeepClone() : [];
        foreach (var part in parts.OfType<JsonObject>())
            if (part["outcome"] is JsonValue outcome && outcome.TryGetValue<string>(out var word) && word == Running) part["outcome"] = "broken off";
        _part = new() { ["outcome"] = Running, ["started"] = Now, ["from_step"] = step };
        parts.Add(_part);
        _record["parts"] = parts;
        RunRecord.Write(_path, _record);
    }

    private string Now => At(_clock.GetUtcNow());

    /// <summary>A moment as the record writes it: UTC, to the second.</summary>
    public static string At(DateTimeOffset moment) => moment.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Ends the part and writes the record again.</summary>
    /// <param name="outcome">finished, interrupted or failed.</param>
    /// <param name="step">Steps taken by now.</param>
    /// <param name="tokens">Tokens seen by now.</param>
    /// <exception cref="IOException">The record cannot be written; it stays as it was.</exception>
    public void End(string outcome, int step, long tokens)
    {
        _part["outcome"] = outcome;
        _part["ended"] = Now;
        _part["to_step"] = step;
        _part["tokens"] = tokens - _tokensBefore;
        _part["seconds"] = Math.Round(_clock.GetElapsedTime(_begun).TotalSeconds, 3);
        RunRecord.Write(_path, _record);
    }
}
