namespace Zephyr.Feedback;

/// <summary>The files of one split, in every format that was asked for: <c>train_prefs.parquet</c>, <c>train_prefs.jsonl</c>.</summary>
public sealed class PairFiles : IPairWriter
{
    private readonly IReadOnlyList<string> _formats;
    private readonly Func<string, string> _pathOf;
    private readonly string _split;
    private IPairWriter[]? _writers;

    /// <param name="split">train or test.</param>
    /// <param name="formats">parquet, jsonl or both.</param>
    /// <param name="pathOf">Where a file of that name is to be written.</param>
    public PairFiles(string split, IReadOnlyList<string> formats, Func<string, string> pathOf) =>
        (_split, _formats, _pathOf) = (split, formats, pathOf);

    /// <summary>Adds a pair to each file. A split without pairs gets no files: readers refuse empty ones.</summary>
    public void Add(ScoredPair pair)
    {
        _writers ??= [.. _formats.Distinct().Select(Open)];
        foreach (var writer in _writers) writer.Add(pair);
    }

    /// <inheritdoc/>
    public void Complete()
    {
        foreach (var writer in _writers ?? []) writer.Complete();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var writer in _writers ?? []) writer.Dispose();
    }

    private IPairWriter Open(string format)
    {
        var path = _pathOf($"{_split}_prefs.{format}");
        return format == "parquet" ? new ParquetPairWriter(path) : new JsonLinesPairWriter(path);
    }
}
