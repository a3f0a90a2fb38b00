using System.Globalization;
using System.Text.Json;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Objectives;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>
/// The reference's log-probabilities on disk: a first line that says of which reference they are, then one line a pair, written as
/// they are computed. What is cut off goes on where it stopped; what is of another reference is never used.
/// </summary>
public sealed class ReferenceCache
{
    /// <summary>Its name in the output folder.</summary>
    public const string FileName = "reference_logps.jsonl";

    /// <summary>A line of ours has some 100 bytes.</summary>
    private const int LongestLine = 1 << 16;

    private readonly string _path, _identity;
    private readonly Dictionary<UInt128, ReferencePair> _known = [];

    /// <summary>Reads what is there.</summary>
    /// <param name="path">The file; it need not exist.</param>
    /// <param name="identity">Names the reference: its weights, its precision, and how sums are weighted.</param>
    public ReferenceCache(string path, string identity)
    {
        (_path, _identity) = (path, identity);
        if (!File.Exists(path)) return;
        using var lines = LineFile.Read(path, LongestLine).GetEnumerator();
        Stale = !lines.MoveNext() || lines.Current is not { } first || IdentityIn(first) != identity;
        while (!Stale && lines.MoveNext())
            if (lines.Current is { } line && PairIn(line) is { } pair) _known[pair.Key] = pair.Sums;
            else break; // Torn by a crash: all before it is whole.
    }

    /// <summary>A file is there, but of another reference; it is replaced when this one is filled.</summary>
    public bool Stale { get; }

    /// <summary>The sums by <see cref="CachedReference.KeyOf"/>.</summary>
    public IReadOnlyDictionary<UInt128, ReferencePair> Known => _known;

    /// <summary>The pairs that are yet to be computed when they are taken, each once.</summary>
    public IEnumerable<TokenizedPair> Missing(IEnumerable<TokenizedPair> pairs)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        return Iterate();

        IEnumerable<TokenizedPair> Iterate()
        {
            HashSet<UInt128> seen = [.. _known.Keys];
            foreach (var pair in pairs) if (seen.Add(CachedReference.KeyOf(pair))) yield return pair;
        }
    }

    /// <summary>Computes and writes the sums of pairs.</summary>
    /// <param name="batches">Pairs as <see cref="Missing"/> gives them, those of one forward pass together.</param>
    /// <param name="reference">The reference model at work.</param>
    /// <param name="progress">Told after every batch how many pairs are done.</param>
    /// <param name="cancellation">Ends it between two batches; what was computed stays.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="RunFailedException">A sum is not finite.</exception>
    public void Fill(IEnumerable<IReadOnlyList<TokenizedPair>> batches, IReferenceLogProbs reference, Action<int> progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(batches);
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(progress);
        Rewrite();
        using var file = new StreamWriter(new FileStream(_path, FileMode.Append, FileAccess.Write, FileShare.Read)) { NewLine = "\n" };
        var done = 0;
        foreach (var batch in batches)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var sums = reference.SumsOf(batch).cpu().data<float>().ToArray();
            for (var i = 0; i < batch.Count; i++)
            {
                var pair = new ReferencePair(sums[i], sums[i + batch.Count]);
                if (!float.IsFinite(pair.Chosen) || !float.IsFinite(pair.Rejected))
                    throw new RunFailedException($"{batch[i].Location}: the reference's log-probabilities are {pair.Chosen} and {pair.Rejected}: its weights are broken, or overflow in this precision");
                var key = CachedReference.KeyOf(batch[i]);
                _known[key] = pair;
                file.WriteLine(LineOf(key, pair));
            }
            file.Flush();
            progress(done += batch.Count);
        }
    }

    /// <summary>Begins the file anew with what is known, so that lines are only ever added behind whole ones.</summary>
    private void Rewrite()
    {
        WholeFile.Write(_path, file =>
        {
            using var writer = new StreamWriter(file, leaveOpen: true) { NewLine = "\n" };
            writer.WriteLine(JsonSerializer.Serialize(new Dictionary<string, string> { ["reference"] = _identity }));
            foreach (var (key, sums) in _known) writer.WriteLine(LineOf(key, sums));
        });
    }

    // Nine digits tell one float from every other.
    private static string LineOf(UInt128 key, ReferencePair pair) =>
        string.Create(CultureInfo.InvariantCulture, $"{{\"pair\":\"{key:x32}\",\"chosen\":{pair.Chosen:G9},\"rejected\":{pair.Rejected:G9}}}");

    private static string? IdentityIn(ReadOnlyMemory<byte> line) => Parsed(line, json => json.GetProperty("reference").GetString());

    private static (UInt128 Key, ReferencePair Sums)? PairIn(ReadOnlyMemory<byte> line) => Parsed<(UInt128, ReferencePair)?>(line, json =>
        (UInt128.Parse(json.GetProperty("pair").GetString()!, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture), new(SumIn(json, "chosen"), SumIn(json, "rejected"))));

    private static float SumIn(JsonElement json, string name) =>
        json.GetProperty(name).GetSingle() is var sum && float.IsFinite(sum) ? sum : throw new FormatException($"{name} is no sum");

    private static T? Parsed<T>(ReadOnlyMemory<byte> line, Func<JsonElement, T> read)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return read(json.RootElement);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or OverflowException or ArgumentNullException)
        {
            return default;
        }
    }
}
