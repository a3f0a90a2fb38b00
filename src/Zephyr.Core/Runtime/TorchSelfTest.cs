using static TorchSharp.torch;

namespace Zephyr.Runtime;

/// <summary>
/// A libtorch of another minor version may load and then misread tensor layouts (2.14 does: device and data type come back
/// wrong). These few checks say so before a model is trusted to it (design decision 14).
/// </summary>
public static class TorchSelfTest
{
    /// <summary>Runs every check on the CPU.</summary>
    /// <returns>Name and failure of each check that failed; empty when all is well.</returns>
    public static IReadOnlyList<string> Run() => Run(CPU);

    /// <summary>Runs every check on a device.</summary>
    /// <inheritdoc cref="Run()"/>
    public static IReadOnlyList<string> Run(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var failures = new List<string>();
        foreach (var (name, check) in Checks)
        {
            try
            {
                using var scope = NewDisposeScope();
                if (!check(device)) failures.Add(name);
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                failures.Add($"{name} ({Beginning(TorchErrors.Reason(error))})");
            }
        }
        return failures;
    }

    /// <summary>Enough to know it again: libtorch lists all its backends, and each check would.</summary>
    private static string Beginning(string reason) => reason.Length <= 100 ? reason : $"{reason[..100]}...";

    /// <summary>Throws unless every check passes.</summary>
    /// <exception cref="UserErrorException">One did not; the message names them all.</exception>
    internal static void Require(NativeTorchInfo info, Device device)
    {
        var failures = Run(device);
        if (failures.Count == 0) return;
        var where = device.type == TorchSharp.DeviceType.CPU ? "" : $" on {device}";
        var lacks = info.Lacks.Count == 0 ? "" : $", and lacks {info.Lacks.Count} functions that TorchSharp calls";
        throw new UserErrorException($"libtorch {info.Version} in {info.Folder} loads but fails the self-test of {string.Join(", ", failures)}{where}{lacks}; {Remedy(failures, device)}");
    }

    /// <summary>What would help, by what libtorch says of a GPU; another libtorch where it says nothing of that kind.</summary>
    internal static string Remedy(IReadOnlyList<string> failures, Device device)
    {
        bool Says(string words) => failures.Any(failure => failure.Contains(words, StringComparison.OrdinalIgnoreCase));
        return Says("out of memory") ? $"{device} is full; expected one with room, which zephyr doctor shows, or that what holds its memory ends"
            : Says("no kernel image") ? $"this PyTorch was built without {device}'s compute capability; expected one built for it"
            : Says("CUDA driver error") ? $"virtual GPUs may refuse memory that grows in place; expected {NativeVariables.DeviceAllocatorName}=expandable_segments:False in the environment there"
            : $"this program needs libtorch {NativeTorch.SupportedVersion}.x";
    }

    private static readonly (string Name, Func<Device, bool> Check)[] Checks =
    [
        ("device", device => ones(2, device: device) is { } x && x.device.type == device.type && (device.type == TorchSharp.DeviceType.CPU || x.device.index == Math.Max(0, device.index))),
        ("dtype", device => ones(2, dtype: ScalarType.BFloat16, device: device).dtype == ScalarType.BFloat16 && ones(2, dtype: ScalarType.Int64, device: device).dtype == ScalarType.Int64),
        ("zeros_like", device => zeros_like(ones(3, 2, device: device)) is { } zeros && zeros.shape is [3, 2] && zeros.sum().item<float>() == 0),
        ("matmul", device => Products(device, ScalarType.Float32)),
        ("bf16 matmul", device => Products(device, ScalarType.BFloat16)),
        ("script", device => TorchOps.RowNorms(tensor([3f, 4]).reshape(1, 2).to(device)).item<float>() == 5),
        ("backward", Backward),
        ("save and load", SaveAndLoad),
    ];

    private static bool Products(Device device, ScalarType dtype)
    {
        Tensor Square(params float[] numbers) => tensor(numbers).reshape(2, 2).to(dtype, device);
        return Square(1, 2, 3, 4).mm(Square(5, 6, 7, 8)).to_type(ScalarType.Float32).cpu().data<float>().ToArray() is [19, 22, 43, 50];
    }

    private static bool Backward(Device device)
    {
        var x = tensor([3f], device: device).requires_grad_(true);
        (x * x).sum().backward();
        return x.grad is { } gradient && gradient.item<float>() == 6;
    }

    private static bool SaveAndLoad(Device device)
    {
        var path = Path.GetTempFileName();
        try
        {
            arange(6, ScalarType.Float32, device).save(path);
            return TorchSharp.torch.load(path).cpu().data<float>().ToArray() is [0, 1, 2, 3, 4, 5];
        }
        finally
        {
            File.Delete(path);
        }
    }
}
