using Zephyr.Configuration;
using Zephyr.Data.Batches;
using Zephyr.Data.Sources;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>The files of a training stage, and their rows as a stream: no side is held in memory as text.</summary>
internal sealed class StageFiles
{
    private readonly DataOptions _options;
    private readonly IReadOnlyList<string> _held;

    /// <summary>Finds the files.</summary>
    /// <exception cref="UserErrorException">There is none, or one is trained on and held out.</exception>
    public StageFiles(DataOptions options)
    {
        _options = options;
        Train = DataFiles.Resolve(options.Dataset);
        _held = options.EvalDataset.Count > 0 ? DataFiles.Resolve(options.EvalDataset) : [];
        DataFiles.RequireDisjoint(Train, _held);
    }

    /// <summary>The files that are trained on.</summary>
    public IReadOnlyList<string> Train { get; }

    /// <summary>All of them.</summary>
    public IEnumerable<string> All => Train.Concat(_held);

    /// <summary>The rows of both sides; no held-out one where none was asked for.</summary>
    /// <param name="read">Reads rows from files.</param>
    /// <param name="promptOf">What a held-out row may not share with a training one, where they come from the same files.</param>
    /// <param name="seed">The run's seed.</param>
    public (IEnumerable<T> Train, IEnumerable<T>? Held) Rows<T>(Func<IReadOnlyList<string>, IEnumerable<T>> read, Func<T, string> promptOf, long seed)
    {
        if (_held.Count > 0) return (read(Train), read(_held));
        return _options.EvalFraction == 0 ? (read(Train), null) : HeldOutSplit.Split(read(Train), promptOf, _options.EvalFraction, seed);
    }
}
