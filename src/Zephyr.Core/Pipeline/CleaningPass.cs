using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Cleaning;
using Zephyr.Data.Sources;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>
/// The rows are read twice rather than held: first for how the corpus writes its words and what type each column has, which also finds every bad row before anything is
/// written, then to judge and write them. What is held besides are counts: memory does not grow with the number of rows.
/// </summary>
/// <param name="config">What is done.</param>
/// <param name="inputs">The files.</param>
/// <param name="observer">Is told now and then how far it is: in the first reading by files, as nobody knows yet how many rows there are.</param>
/// <param name="cancel">Stops between two rows.</param>
internal sealed class CleaningPass(CleanConfig config, IReadOnlyList<string> inputs, ITrainingObserver observer, CancellationToken cancel)
{
    private const int RowsBetweenReports = 1000;

    private int _surveyed;

    private readonly CleanOptions _options = config.Clean;
    private readonly BadRows _bad = new(config.Clean.OnBadRow == "skip");

    /// <summary>Statistics of the rows; null where they were not made.</summary>
    public CasingStatistics? Statistics { get; private set; }

    /// <summary>Lines about rows that cannot be used.</summary>
    public IReadOnlyList<string> Notes => [.. _bad.Describe()];

    /// <summary>The name under which a file is written, without what says the format.</summary>
    public static string NameOf(string file) => DataFileName.StemOf(Path.GetFileName(file));

    /// <param name="pathOf">Where to write a file of that name; null to write nothing.</param>
    public CleaningReport Run(Func<string, string>? pathOf)
    {
        var given = _options.CasingStatistics is { } file ? CasingFile.Read(file) : null;
        var contamination = Contamination();
        var types = Survey(given is null);
        var statistics = given ?? Statistics;
        var cleaner = new RowCleaner(_options.Truecase ? new(statistics!) : null, _options.DropDisclaimers, contamination);
        var tally = new CleaningTally(_options.Samples, config.Run.Seed);
        var judged = 0;
        foreach (var input in inputs)
        {
            using var files = new RowFiles(NameOf(input), _options.Formats, types[input], pathOf);
            foreach (var row in Rows(input, cleaner.Clean))
            {
                tally.Add(row);
                if (++judged % RowsBetweenReports == 0) observer.OnPreparation("clean: rows judged", judged, _surveyed);
                if (row.Dropped is null) files.Add(row.Row);
            }
            files.Complete();
            tally.EndFile(Path.GetFileName(input), files.Names);
        }
        return tally.ToReport(_bad.Count, statistics is null ? null : new(statistics.Turns, statistics.Words.Count, statistics.Forgotten), contamination?.Count ?? 0);
    }

    private ContaminationIndex? Contamination()
    {
        if (_options.Decontaminate.Count == 0) return null;
        var index = new ContaminationIndex(_options.DecontaminateNgram);
        foreach (var text in EvaluationFile.Read(DataFiles.Resolve(_options.Decontaminate), _options.DecontaminateFields).Until(cancel)) index.Add(text);
        return index;
    }

    /// <summary>The first reading.</summary>
    private Dictionary<string, ColumnType> Survey(bool casing)
    {
        if (casing && _options.Truecase) Statistics = new();
        var types = inputs.ToDictionary(input => input, _ => new ColumnType());
        foreach (var (number, input) in inputs.Index())
            foreach (var (row, turns) in Rows(input, Read))
            {
                if (++_surveyed % RowsBetweenReports == 0) observer.OnPreparation($"clean: {_surveyed:N0} rows read for their statistics, in file", number + 1, inputs.Count);
                if (_options.Formats.Contains("parquet"))
                    foreach (var column in row.Columns.Where(row.Fields.ContainsKey)) types[input].Field(column).Include(row.Location, column, row[column]);
                foreach (var turn in turns) Statistics?.Add(turn);
            }
        return types;

        (DataRow Row, IReadOnlyList<TurnCasing> Turns) Read(DataRow row)
        {
            var turns = RowTurns.Of(row);
            return (row, Statistics is null || RowTurns.SpeakOfCasing(turns) ? [] : [.. turns.Select(turn => TurnCasing.Of(turn.Text))]);
        }
    }

    private IEnumerable<T> Rows<T>(string input, Func<DataRow, T> read) => _bad.Kept(
        RowReader.Read(new RowSource([new(input)], _bad), (_, columns) => [.. columns.Where(column => !_options.DropColumns.Contains(column))])
            .SelectOrdered(row => RowOutcome.Of(row, read), _options.DatasetNumProc, cancel));
}
