namespace Zephyr.Feedback.Audit;

/// <summary>Groups of things that are joined in pairs.</summary>
/// <param name="count">How many things there are; each is a group of its own at first.</param>
internal sealed class DisjointSets(int count)
{
    private readonly int[] _above = [.. Enumerable.Range(0, count)];

    /// <summary>The number of the group of a thing.</summary>
    public int Find(int thing)
    {
        while (_above[thing] != thing) thing = _above[thing] = _above[_above[thing]];
        return thing;
    }

    public bool Same(int a, int b) => Find(a) == Find(b);

    public void Join(int a, int b) => _above[Find(a)] = Find(b);
}
