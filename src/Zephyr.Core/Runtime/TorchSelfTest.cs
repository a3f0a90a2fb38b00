using static TorchSharp.torch;

namespace Zephyr.Runtime;

/// <summary>
/// A libtorch of another minor version may load and then misread tensor layouts (2.14 does: device and data type come back
/// wrong). These few checks say so before a model is trusted to it (design decision 14).
/// </summary>
public static class TorchSelfTest
{
    /// <summary>Runs every check.</summary>
    /// <returns>Name and failure of each check that failed; empty when all is well.</returns>
    public static IReadOnlyList<string> Run()
    {
        var failures = new List<string>();
        foreach (var (name, check) in Checks)
        {
            try
            {
                using var scope = NewDisposeScope();
                if (!check()) failures.Add(name);
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                failures.Add($"{name} ({error.Message.Split('\n')[0]})");
            }
        }
        return failures;
    }

    /// <summary>Throws unless every check passes.</summary>
    internal static void Require(NativeTorchInfo info)
    {
        var failures = Run();
        if (failures.Count > 0)
            throw new UserErrorException($"libtorch {info.Version} in {info.Folder} loads but fails the self-test of {string.Join(", ", failures)}; "
                + $"this program needs libtorch {NativeTorch.SupportedVersion}.x");
    }

    private static readonly (string Name, Func<bool> Check)[] Checks =
    [
        ("device", () => ones(2).device.type == TorchSharp.DeviceType.CPU),
        ("dtype", () => ones(2, dtype: ScalarType.BFloat16).dtype == ScalarType.BFloat16 && ones(2, dtype: ScalarType.Int64).dtype == ScalarType.Int64),
        ("zeros_like", () => zeros_like(ones(3, 2)) is { } zeros && zeros.shape is [3, 2] && zeros.sum().item<float>() == 0),
        ("matmul", () => tensor([1f, 2, 3, 4]).reshape(2, 2).matmul(tensor([5f, 6, 7, 8]).reshape(2, 2)).data<float>().ToArray() is [19, 22, 43, 50]),
        ("backward", Backward),
        ("save and load", SaveAndLoad),
    ];

    private static bool Backward()
    {
        var x = tensor([3f], requires_grad: true);
        (x * x).sum().backward();
        return x.grad is { } gradient && gradient.item<float>() == 6;
    }

    private static bool SaveAndLoad()
    {
        var path = Path.GetTempFileName();
        try
        {
            arange(6, ScalarType.Float32).save(path);
            return TorchSharp.torch.load(path).data<float>().ToArray() is [0, 1, 2, 3, 4, 5];
        }
        finally
        {
            File.Delete(path);
        }
    }
}
