using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace Zephyr.Model.Quantization;

/// <summary>
/// The two numbers that each byte stands for, looked up at once: a table of 256 pairs, which torch takes for complex numbers so that one index moves eight bytes (27 ms for 16 M numbers on two
/// cores; as rows of two floats 37, code by code twice that).
/// </summary>
internal sealed class PairTable
{
    private static readonly ConcurrentDictionary<string, PairTable> All = [];
    private readonly Tensor _pairs;

    private PairTable(Device device)
    {
        using var scope = NewDisposeScope();
        var values = CodeBook.Nf4.Values;
        float[] both = [.. Enumerable.Range(0, 256).SelectMany(code => new[] { values[code >> 4], values[code & 15] })];
        _pairs = view_as_complex(tensor(both, device: device).view(256, 2)).DetachFromDisposeScope();
    }

    /// <summary>The table on a device; made once and kept.</summary>
    public static PairTable On(Device device) => All.GetOrAdd($"{device}", _ => new(device));

    /// <param name="bytes">uint8, [N].</param>
    /// <returns>[2 N], fp32: the number of the upper half first.</returns>
    public Tensor Of(Tensor bytes) => view_as_real(_pairs.index_select(0, bytes.to_type(ScalarType.Int32))).view(-1);
}
