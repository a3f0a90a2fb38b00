using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Sources;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>The files of a training stage, and their rows as a stream: no side is held in memory as text.</summary>
internal sealed class StageFiles
{
    private readonly double _evalFraction;
    private readonly RowSource _train;
    private readonly RowSource _held;

    /// <summary>Finds the files.</summary>
    /// <exception cref="UserErrorException">There is none, or one is trained on and held out.</exception>
    public StageFiles(DataOptions options)
    {
        _evalFraction = options.EvalFraction;
        Bad = new(options.OnBadRow == "skip");
        var mixed = options.DatasetMixer.Count > 0;
        var (train, held) = mixed ? DatasetMixer.Resolve(options) : ([.. DataFiles.Resolve(options.Dataset).Select(file => new RowFile(file))], []);
        if (options.EvalDataset.Count > 0) held = DataFiles.Resolve(options.EvalDataset);
        (_train, _held) = (new(train, Bad), new([.. held.Select(file => new RowFile(file))], Bad));
        DataFiles.RequireDisjoint(Train, held, mixed ? "dataset_mixer" : "dataset");
    }

    /// <summary>The files that are trained on.</summary>
    public IReadOnlyList<string> Train => [.. _train.Files.Select(file => file.Path)];

    /// <summary>All of them.</summary>
    public IEnumerable<string> All => Train.Concat(_held.Files.Select(file => file.Path));

    /// <summary>All of them with how much of each is read, in the order in which it is.</summary>
    public IEnumerable<(string Side, RowFile File)> Sides => _train.Files.Select(file => ("train", file)).Concat(_held.Files.Select(file => ("held", file)));

    /// <summary>What a row does that cannot be used, and those that were left out.</summary>
    public BadRows Bad { get; }

    /// <summary>The first training rows that can be used.</summary>
    public IReadOnlyList<T> First<T>(Func<RowSource, IEnumerable<T>> read, int count) => [.. read(new(_train.Files, new(skip: true))).Take(count)];

    /// <summary>The rows of both sides; no held-out one where none was asked for.</summary>
    /// <param name="read">Reads rows from files.</param>
    /// <param name="promptOf">What a held-out row may not share with a training one, where they come from the same files.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="cancellation">Ends the reading between two rows, also the one that a share is chosen by.</param>
    public (IEnumerable<T> Train, IEnumerable<T>? Held) Rows<T>(Func<RowSource, IEnumerable<T>> read, Func<T, string> promptOf, long seed,
        CancellationToken cancellation)
    {
        if (_held.Files.Count > 0) return (read(_train), read(_held));
        return _evalFraction == 0 ? (read(_train), null) : HeldOutSplit.Split(read(_train).Until(cancellation), promptOf, _evalFraction, seed);
    }
}
