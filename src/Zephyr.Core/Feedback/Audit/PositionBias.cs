namespace Zephyr.Feedback.Audit;

/// <summary>What became of the answers that a judge saw at one place.</summary>
/// <param name="Position">The place, from 1.</param>
/// <param name="Ratings">Ratings given there.</param>
/// <param name="Mean">Their mean; 0 for none.</param>
/// <param name="Chosen">Pairs whose chosen answer stood there; of comparisons, those that were won there.</param>
/// <param name="Expected">How many that would be if places did not matter.</param>
public sealed record PositionCount(int Position, long Ratings, double Mean, long Chosen, double Expected);

/// <summary>Whether a judge favours a place.</summary>
/// <param name="Judgment">The aspect, or "pairwise".</param>
/// <param name="Positions">By place.</param>
/// <param name="Test">Chosen against expected; of comparisons, pairs whose verdict went with the place, by place, against half of them. Null where there is nothing to compare.</param>
public sealed record PositionRecord(string Judgment, IReadOnlyList<PositionCount> Positions, ChiSquare? Test);

/// <summary>
/// Counts ratings and choices by the place at which the judge saw the answer. The places were drawn without regard to the
/// answers, so that of the pairs of prompts with k shown answers one in k should have its chosen answer at each place.
/// </summary>
internal sealed class PositionBias
{
    private const string Pairwise = "pairwise";
    private readonly long[] _orders = new long[2];
    private readonly SortedDictionary<string, SortedDictionary<int, Cell>> _judgments = new(StringComparer.Ordinal);

    public void Add(PairOutcome outcome)
    {
        foreach (var (i, completion) in outcome.Prompt.Completions.Index())
        {
            foreach (var (aspect, rating, position) in Annotations.AspectsOf(completion))
                if (position is { } place && rating is { } value) At(aspect, place).Add(value);
            foreach (var (position, points, _) in Annotations.ComparisonsOf(completion)) At(Pairwise, position).AddComparison(points);
            AddOrders(Annotations.ComparisonsOf(completion).Where(comparison => comparison.Against > i + 1));
        }
        if (outcome.Pair is not { } pair) return;
        var shown = outcome.Prompt.Completions.SelectMany(Annotations.AspectsOf).Where(annotation => annotation.Position is not null).CountBy(annotation => annotation.Aspect).ToDictionary();
        foreach (var (aspect, _, position) in Annotations.AspectsOf(pair.Chosen.Completion))
            if (position is { } place) Choose(aspect, place, shown[aspect]);
    }

    public IReadOnlyList<PositionRecord> ToRecords() => [.. _judgments.Select(judgment =>
    {
        // A comparison that is no tie is won at one of the two places.
        var won = judgment.Value.Values.Sum(cell => cell.Won);
        PositionCount[] positions = [.. judgment.Value.Select(cell => cell.Value.ToCount(cell.Key, judgment.Key == Pairwise ? won / 2.0 : null))];
        return new PositionRecord(judgment.Key, positions, ChiSquare.Of(judgment.Key == Pairwise ? [.. _orders.Select(count => ((double)count, _orders.Sum() / 2.0))]
            : [.. positions.Select(count => ((double)count.Chosen, count.Expected))]));
    })];

    /// <summary>
    /// The two orders of a pair. One and the same verdict on both says nothing of places; of those that differ, half should favour either place (McNemar's test, a tie in one order counting as a
    /// difference).
    /// </summary>
    private void AddOrders(IEnumerable<(int Position, double Points, long Against)> comparisons)
    {
        foreach (var pair in comparisons.GroupBy(comparison => comparison.Against))
        {
            var points = pair.ToLookup(comparison => comparison.Position, comparison => comparison.Points);
            if (points[1].Count() != 1 || points[2].Count() != 1) continue;
            var favour = points[1].Single().CompareTo(points[2].Single());
            if (favour != 0) _orders[favour > 0 ? 0 : 1]++;
        }
    }

    private void Choose(string aspect, int place, int shown)
    {
        At(aspect, place).Chosen++;
        for (var i = 1; i <= shown; i++)
        {
            var among = At(aspect, i).Among;
            among[shown] = among.GetValueOrDefault(shown) + 1;
        }
    }

    private Cell At(string judgment, int place)
    {
        if (!_judgments.TryGetValue(judgment, out var cells)) _judgments.Add(judgment, cells = []);
        if (!cells.TryGetValue(place, out var cell)) cells.Add(place, cell = new());
        return cell;
    }

    /// <summary>Everything is counted, and divided at the end: sums of thirds would depend on the order of the rows.</summary>
    private sealed class Cell
    {
        private readonly SortedDictionary<double, long> _values = [];

        public long Chosen { get; set; }

        public long Won { get; private set; }

        /// <summary>Pairs by the number of answers among which the chosen one stood.</summary>
        public SortedDictionary<int, long> Among { get; } = [];

        public void Add(double value) => _values[value] = _values.GetValueOrDefault(value) + 1;

        public void AddComparison(double points)
        {
            Add(points);
            if (points == 1) Won++;
        }

        public PositionCount ToCount(int place, double? expectedWins)
        {
            var ratings = _values.Values.Sum();
            return new(place, ratings, ratings == 0 ? 0 : _values.Sum(value => value.Key * value.Value) / ratings,
                expectedWins is null ? Chosen : Won, expectedWins ?? Among.Sum(among => (double)among.Value / among.Key));
        }
    }
}
