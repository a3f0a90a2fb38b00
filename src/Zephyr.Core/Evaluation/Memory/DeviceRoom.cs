using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Evaluation.Memory;

/// <summary>The memory that a plan is held against.</summary>
/// <param name="Name">cpu, cuda:0, or the words for one that was only described.</param>
/// <param name="Bytes">How much a run may come to there.</param>
/// <param name="IsCuda">A GPU.</param>
public sealed record DeviceRoom(string Name, long Bytes, bool IsCuda)
{
    /// <summary>What host memory may come to beside a GPU's, where optimizer state can be kept; null where nobody knows, and it is not held against anything.</summary>
    public long? HostBytes { get; init; }

    /// <summary>Whether a run fits, with what is not counted on, on the device and beside it.</summary>
    public bool Holds(MemoryPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return plan.Total + Reserve <= Bytes && (HostBytes is not { } host || plan.OnHost <= host);
    }

    /// <summary>What of it is not counted on: on a GPU, blocks that the caching allocator holds and has no use for at the moment.</summary>
    public long Reserve => IsCuda ? (long)(MemoryPlan.CudaReserve * Bytes) : 0;

    /// <summary>The processor's side: what is available to this process.</summary>
    public static DeviceRoom OfCpu => new("cpu", MachineMemory.Room, IsCuda: false);

    /// <summary>Of the device that is computed on; of a GPU whose driver does not say it, as much as there can be.</summary>
    public static DeviceRoom Of(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (device.type != TorchSharp.DeviceType.CUDA) return OfCpu;
        return OfCuda(Math.Max(0, device.index)) ?? new($"{device}", long.MaxValue / 2, IsCuda: true) { HostBytes = MachineMemory.Room };
    }

    /// <summary>A GPU's whole memory, asked of its driver, without libtorch, and what the host has beside it.</summary>
    /// <param name="index">N of cuda:N.</param>
    /// <returns>null where there is no such device, or no driver.</returns>
    public static DeviceRoom? OfCuda(int index) => CudaDriver.Devices.ElementAtOrDefault(index) is { } device ? new($"cuda:{index}", device.TotalBytes, IsCuda: true) { HostBytes = MachineMemory.Room } : null;
}
