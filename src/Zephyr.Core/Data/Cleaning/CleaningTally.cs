using Zephyr.Runtime;

namespace Zephyr.Data.Cleaning;

/// <summary>Adds up what became of rows. It holds counts and a few samples.</summary>
/// <param name="samples">How many examples of each rule are kept.</param>
/// <param name="seed">Which ones.</param>
public sealed class CleaningTally(int samples, long seed)
{
    // "sample" in ASCII.
    private const long Stream = 0x73616D706C65;
    private const int Around = 70, LongestEvidence = 200;

    private static readonly CasingFault[] Kinds = [.. Enum.GetValues<CasingFault>().Where(fault => fault != CasingFault.None)];

    private readonly Dictionary<CleaningDrop, long> _dropped = Enum.GetValues<CleaningDrop>().ToDictionary(reason => reason, _ => 0L);
    private readonly Dictionary<CasingFault, long> _faults = Kinds.ToDictionary(fault => fault, _ => 0L);
    private readonly SortedDictionary<string, SortedDictionary<(ulong Draw, string Row), CleaningSample>> _samples = new(StringComparer.Ordinal);
    private readonly List<CleanedFile> _files = [];
    private long _rows, _kept, _recasedRows, _turns, _recasedTurns, _letters, _fileRows, _fileKept;

    /// <summary>Counts a row.</summary>
    public void Add(CleanedRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        _rows++;
        _fileRows++;
        if (row.Dropped is { } reason)
        {
            _dropped[reason]++;
            AddDropped(row, reason);
            return;
        }
        _kept++;
        _fileKept++;
        _turns += row.Turns;
        if (row.Recased.Count > 0) _recasedRows++;
        foreach (var turn in row.Recased) AddRecased(row, turn);
    }

    /// <summary>Ends a file: the rows since the last one were its.</summary>
    public void EndFile(string name, IReadOnlyList<string> written)
    {
        _files.Add(new(name, written, _fileRows, _fileKept));
        (_fileRows, _fileKept) = (0, 0);
    }

    /// <summary>The sums so far.</summary>
    public CleaningReport ToReport(long badRows, CasingSummary? casing, int evaluationTexts) => new(
        _rows, badRows, _kept, _dropped, _recasedRows, _kept == 0 ? 0 : (double)_recasedRows / _kept, _turns, _recasedTurns, _faults, _letters,
        casing, evaluationTexts, _files, [.. _samples.Values.SelectMany(kind => kind.Values)]);

    private void AddDropped(CleanedRow row, CleaningDrop reason)
    {
        var (turn, evidence) = (row.Cause!, row.Evidence!);
        var at = Math.Max(0, turn.Text.IndexOf(evidence, StringComparison.Ordinal));
        Sample(row, $"{reason}", turn, Excerpt(turn.Text, at, evidence.Length), null, evidence.Length <= LongestEvidence ? evidence : evidence[..LongestEvidence] + "...");
    }

    private void AddRecased(CleanedRow row, RecasedTurn turn)
    {
        _recasedTurns++;
        var (before, after) = (turn.Turn.Text, turn.After);
        var first = -1;
        for (var i = 0; i < before.Length; i++)
        {
            if (before[i] == after[i]) continue;
            _letters++;
            if (first < 0) first = i;
        }
        foreach (var fault in Kinds.Where(fault => turn.Faults.HasFlag(fault)))
        {
            _faults[fault]++;
            Sample(row, $"{fault}", turn.Turn, Excerpt(before, first, 1), Excerpt(after, first, 1), null);
        }
    }

    /// <summary>The rows that draw the smallest numbers.</summary>
    private void Sample(CleanedRow row, string rule, RowTurn turn, string before, string? after, string? evidence)
    {
        if (samples == 0) return;
        var name = Path.GetFileName(row.Row.Location.File);
        var where = $"{name}/{row.Row.Location.Number:D12}/{turn.Path}";
        var draw = new SeededRandom(seed, Stream, PromptKey.Of(where)).NextUInt64();
        rule = System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(rule);
        if (!_samples.TryGetValue(rule, out var kind)) _samples.Add(rule, kind = []);
        kind[(draw, where)] = new(rule, name, row.Row.Location.Number, turn.Path, before, after, evidence);
        if (kind.Count > samples) kind.Remove(kind.Keys.Last());
    }

    private static string Excerpt(string text, int start, int length)
    {
        var (from, to) = (Math.Max(0, start - Around), Math.Min(text.Length, start + Math.Min(length, LongestEvidence) + Around));
        // Half of a surrogate pair is no text.
        if (from > 0 && char.IsLowSurrogate(text[from])) from--;
        if (to < text.Length && char.IsLowSurrogate(text[to])) to++;
        return $"{(from > 0 ? "..." : "")}{text[from..to]}{(to < text.Length ? "..." : "")}";
    }
}
