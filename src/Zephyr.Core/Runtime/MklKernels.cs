using System.Runtime.InteropServices;

namespace Zephyr.Runtime;

/// <summary>
/// Which matrix-product kernels the MKL inside libtorch takes. MKL asks whether the processor is Intel's, and on any other one keeps to AVX2, whatever
/// instructions it has. Measured on an AMD EPYC with AVX-512, two threads, fp32: 205 to 215 GFLOP/s so, 465 to 490 with the kernels for what the
/// processor can do. They add in another order, so the last bits differ.
/// </summary>
internal static unsafe partial class MklKernels
{
    private const string Question = "mkl_serv_intel_cpu_true";
    private const int Read = 1, Write = 2, Execute = 4;

    // mov eax, 1; ret
    private static ReadOnlySpan<byte> Yes => [0xB8, 1, 0, 0, 0, 0xC3];

    /// <summary>Has MKL take the kernels for the instructions that the processor has. Must come before the first product: MKL asks once.</summary>
    /// <param name="torch">libtorch_cpu, loaded.</param>
    /// <exception cref="UserErrorException">This libtorch has no such MKL, or the system does not let its code be changed.</exception>
    public static void TakeNative(IntPtr torch)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64 || !NativeLibrary.TryGetExport(torch, Question, out var address))
            throw new UserErrorException("cpu_kernels: native was asked for, but this libtorch has no MKL whose choice could be changed; expected default");
        if (Answer(address)) return; // An Intel processor: nothing to change.
        var page = (nint)Environment.SystemPageSize;
        var start = address & ~(page - 1);
        var length = (nuint)(address + Yes.Length - start + page - 1) & ~(nuint)(page - 1);
        if (Protect(start, length, Read | Write | Execute) != 0)
            throw new UserErrorException("cpu_kernels: native was asked for, but the system does not let the program change the code of a library it has loaded; expected default");
        Yes.CopyTo(new Span<byte>((void*)address, Yes.Length));
        _ = Protect(start, length, Read | Execute);
        if (!Answer(address)) throw new InvalidOperationException($"{Question} still says no");
    }

    private static bool Answer(IntPtr address) => ((delegate* unmanaged<int>)address)() != 0;

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint start, nuint bytes, int access);
}
