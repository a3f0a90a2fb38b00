using System.Runtime.InteropServices;

namespace Zephyr.Runtime;

/// <summary>
/// How long libtorch's OpenMP threads spin for each other before they sleep. GNU OpenMP's default is to spin on for long, which
/// pays on an idle machine and is ruinous on a busy one, where the thread that is waited for does not run. Measured with 60 steps
/// of the tiny recipe on two cores: idle 5.4 s by default and 5.3 s with 1000 spins (7.7 s with none), busy 28.5 s against 8.5 to 11 s (7.7 s with none).
/// </summary>
internal static partial class OpenMpPatience
{
    /// <summary>Must come before libgomp is loaded, which reads the variable once. What the user has set stays.</summary>
    public static void Limit() => _ = SetVariable("GOMP_SPINCOUNT", "1000", overwrite: 0);

    // .NET's own Environment keeps a copy that native code never sees.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
