using Zephyr.Runtime;

namespace Zephyr.Evaluation.Memory;

/// <summary>A plan beside the memory it has to fit.</summary>
/// <param name="Plan">What the run takes.</param>
/// <param name="Room">What there is.</param>
/// <param name="Remedies">What would take less, each by itself.</param>
/// <param name="Together">What fits together where nothing does by itself; null otherwise.</param>
/// <param name="Least">What all remedies together come to.</param>
public sealed record MemoryForecast(MemoryPlan Plan, DeviceRoom Room, IReadOnlyList<Remedy> Remedies, Remedy? Together, long Least)
{
    /// <summary>Works it out.</summary>
    public static MemoryForecast Of(MemorySetup setup, MemoryBatches batches, DeviceRoom room)
    {
        ArgumentNullException.ThrowIfNull(setup);
        ArgumentNullException.ThrowIfNull(batches);
        var remedies = new Remedies(setup, batches, room);
        return new(MemoryPlan.Of(setup, batches.Largest(setup.Layout), batches.Evaluation(setup.Layout)), room, remedies.Each(), remedies.Together(), remedies.Least);
    }

    /// <summary>Whether the run fits, with what is not counted on.</summary>
    public bool Fits => Room.Holds(Plan);

    /// <summary>What the device has and the run needs: "needs 141.2 GiB on cuda:0, which has 139.0 GiB".</summary>
    public string Need => $"needs {ByteCount.Describe(Plan.Total)}{(Room.Reserve > 0 ? $" and {ByteCount.Describe(Room.Reserve)} of reserve" : "")} on {Room.Name}, "
        + $"which has {ByteCount.Describe(Room.Bytes)}{(Room.IsCuda ? "" : " for it")}"
        + (Plan.OnHost > 0 && Room.HostBytes is { } host ? $", and {ByteCount.Describe(Plan.OnHost)} of host memory, of which there are {ByteCount.Describe(host)}" : "");

    /// <summary>What to write so that it fits, each with what it comes to: the first ways that do by themselves, or those that do together.</summary>
    public string Advice
    {
        get
        {
            var alone = Remedies.Where(remedy => remedy.Fits).Take(3).ToList();
            if (alone.Count > 0) return $"what fits: {string.Join("; or ", alone.Select(Words))}";
            if (Together is { } together) return $"what fits: {Words(together)}";
            return Remedies.Count == 0 ? "no key makes it smaller: take a smaller model or shorter rows"
                : $"nothing fits: all that would help ({string.Join(", ", Remedies.Select(remedy => remedy.Keys))}) comes to {ByteCount.Describe(Least)}";
        }
    }

    /// <summary>For a run that ran out of memory all the same: what it comes to by count, and every change that takes less with what it would come to, as zephyr plan lists them.</summary>
    public string Less => $"by count it needs {ByteCount.Describe(Plan.Total)}; " + (Remedies.Count == 0 ? "no key makes it smaller: take a smaller model or shorter rows"
        : $"what takes less: {string.Join("; or ", Remedies.Select(remedy => $"{remedy.Keys} comes to {ByteCount.Describe(remedy.Total)}"))}");

    /// <summary>The key that goes ahead nevertheless.</summary>
    public const string Override = "memory_check: false goes ahead nevertheless";

    /// <summary>Refuses a run that does not fit.</summary>
    /// <exception cref="UserErrorException">It does not.</exception>
    public void Require()
    {
        if (!Fits) throw new UserErrorException($"memory: the run {Need}; {Advice}; {Override}");
    }

    private static string Words(Remedy remedy) => $"{remedy.Keys} ({ByteCount.Describe(remedy.Total)})";
}
