namespace Zephyr.Tests.Data.Prepared;

/// <summary>Sees objects pass by and tells how many of them somebody still held behind the last one.</summary>
internal sealed class Witness
{
    private readonly List<WeakReference> _seen = [];

    /// <summary>How many were alive when all had passed.</summary>
    public int Alive { get; private set; } = -1;

    public IEnumerable<T> Of<T>(IEnumerable<T> objects) where T : class
    {
        foreach (var one in objects)
        {
            _seen.Add(new(one));
            yield return one;
        }
        GC.Collect();
        Alive = _seen.Count(one => one.IsAlive);
    }
}
