using TorchSharp;

namespace Zephyr.Runtime;

/// <summary>
/// TorchSharp turns a number into a <see cref="Scalar"/> object and does not keep it alive during the native call: where another
/// thread collects garbage at that moment, the finaliser frees it under the call's eyes ("Expected false to be true", "Unknown
/// scalar type": measured, once in some 50,000 calls of <c>a + b</c> under constant collection; TorchSharp PR 1434 is open). So
/// no number is handed over that nobody holds: <c>using Scalar x = 0.5;</c> holds one. Adding takes a second, the factor 1, which
/// TorchSharp makes by itself unless it is given: this is that 1.
/// </summary>
public static class KeptScalar
{
    /// <summary>1, held for ever: <c>a.add(b, KeptScalar.One)</c> is <c>a + b</c>, for a tensor b as for a number.</summary>
    public static readonly Scalar One = 1;

    /// <summary>-1, likewise: <c>a.add(b, KeptScalar.MinusOne)</c> is <c>a - b</c>.</summary>
    public static readonly Scalar MinusOne = -1;
}
