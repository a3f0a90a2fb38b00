using Zephyr.Data.Sources;

namespace Zephyr.Feedback.Audit;

/// <summary>Whether two aspects say the same of the answers that were rated on both.</summary>
/// <param name="First">One aspect, or overall_score.</param>
/// <param name="Second">The other one.</param>
/// <param name="Answers">How many answers were rated on both.</param>
/// <param name="Spearman">The correlation of the ranks, with mean ranks for ties; null where a rating never varies, or there are too many different ones to tabulate.</param>
/// <param name="Pearson">The correlation of the ratings themselves; likewise.</param>
public sealed record AgreementRecord(string First, string Second, long Answers, double? Spearman, double? Pearson);

/// <summary>
/// Counts which ratings came together. What it keeps is a table a pair of aspects with as many entries as there are different
/// pairs of ratings: 25 for two aspects of 1 to 5, however many answers.
/// </summary>
internal sealed class AspectAgreement
{
    // Teachers give a handful of numbers; a field of free numbers would make a table of all answers.
    private const int MostAspects = 12, MostEntries = 10_000;

    private readonly SortedDictionary<(string First, string Second), Dictionary<(double, double), long>> _tables = new(Comparer<(string First, string Second)>.Create(
        (a, b) => string.CompareOrdinal(a.First, b.First) is not 0 and var order ? order : string.CompareOrdinal(a.Second, b.Second)));
    private readonly HashSet<(string, string)> _overfull = [];

    public void Add(ScoredCompletion completion)
    {
        (string Name, double Value)[] ratings = [.. Annotations.RatingsOf(completion).OrderBy(rating => rating.Name, StringComparer.Ordinal).Take(MostAspects)];
        for (var i = 0; i < ratings.Length; i++)
            for (var j = i + 1; j < ratings.Length; j++)
                Add((ratings[i].Name, ratings[j].Name), (ratings[i].Value, ratings[j].Value));
    }

    public IReadOnlyList<AgreementRecord> ToRecords() => [.. _tables.Select(entry =>
    {
        WeightedPoint[] points = [.. entry.Value.Select(cell => new WeightedPoint(cell.Key.Item1, cell.Key.Item2, cell.Value))];
        var whole = !_overfull.Contains(entry.Key);
        return new AgreementRecord(entry.Key.First, entry.Key.Second, points.Sum(point => point.Count),
            whole ? Correlation.Spearman(points) : null, whole ? Correlation.Pearson(points) : null);
    })];

    private void Add((string, string) aspects, (double, double) values)
    {
        if (!_tables.TryGetValue(aspects, out var table)) _tables.Add(aspects, table = []);
        if (table.TryGetValue(values, out var count)) table[values] = count + 1;
        else if (table.Count < MostEntries) table[values] = 1;
        else _overfull.Add(aspects);
    }
}
