using System.Runtime.CompilerServices;
using Zephyr.Runtime;

namespace Zephyr.Tests;

internal static class TestAssembly
{
    /// <summary>Every test may touch a tensor; the natives are loaded before the first one does.</summary>
    [ModuleInitializer]
    internal static void LoadNatives() => NativeTorch.Load();
}
