using System.Runtime.InteropServices;

namespace Zephyr.Runtime;

/// <summary>
/// Where tensors on the CPU stand. libtorch asks the C library for memory that begins at a multiple of 64, and glibc meets that by cutting pieces off both
/// ends of a larger one; small objects settle in the cuttings, and the next tensor of the same size no longer fits where its like has been. Measured with SFT steps
/// that were all alike (58 M parameters, 1024 tokens): the process grew by some 37 MB with every step, from 1580 MiB in the first to 2314 in the twentieth,
/// where 1479 are enough. So blocks from 64 KiB on come from a range of our own (<see cref="BlockHeap"/>), which also knows what is in use. Smaller
/// ones stay with the C library and are not counted. Pages that were touched are kept, so that those of one step serve the next, as long as they come to little more than tensors
/// ever took at once.
/// </summary>
public static unsafe partial class TensorMemory
{
    private const long Smallest = 64 << 10, Step = 64L << 20;
    private const int NoAccess = 0, Read = 1, Write = 2, Private = 2, Anonymous = 0x20, NoReserve = 0x4000, OutOfMemory = 12, DoNotNeed = 4;

    // As much as may be addressed; memory is taken as it is touched. Less where the system allows no more.
    private static readonly long[] Ranges = [1L << 40, 1L << 36];

    private static readonly Lock Access = new();
    private static BlockHeap? _heap;
    private static long _opened;
    private static nint _start, _end;
    private static delegate* unmanaged<void**, nuint, nuint, int> _align;
    private static delegate* unmanaged<void*, void> _free;

    /// <summary>Whether tensors are counted: not with a libtorch that asks for its memory otherwise.</summary>
    public static bool IsCounted => _heap is not null;

    /// <summary>Bytes of the tensors there are, in whole pages.</summary>
    public static long InUse
    {
        get
        {
            lock (Access) return _heap?.InUse ?? 0;
        }
    }

    /// <summary>The most of them since the start, or since <see cref="ForgetPeak"/>.</summary>
    public static long Peak
    {
        get
        {
            lock (Access) return _heap?.Peak ?? 0;
        }
    }

    /// <summary>Starts the peak anew at what there is now.</summary>
    public static void ForgetPeak()
    {
        lock (Access) _heap?.ForgetPeak();
    }

    /// <summary>Has libtorch take its memory here. Must come before the first tensor; where it cannot be done all stays as it was.</summary>
    /// <param name="library">libc10, loaded: the one library that asks for tensors' memory.</param>
    internal static void Serve(IntPtr library)
    {
        if (!NativeLibrary.TryLoad("libc.so.6", out var libc)) return;
        _align = (delegate* unmanaged<void**, nuint, nuint, int>)NativeLibrary.GetExport(libc, "posix_memalign");
        _free = (delegate* unmanaged<void*, void>)NativeLibrary.GetExport(libc, "free");
        foreach (var range in Ranges)
        {
            _start = Map(0, (nuint)range, NoAccess, Private | Anonymous | NoReserve, -1, 0);
            if (_start == -1) continue;
            _end = _start + (nint)range;
            // First what takes back, then what gives out.
            if (!ImportTable.Redirect(library, "free", (nint)(delegate* unmanaged<void*, void>)&Free)) return;
            _heap = new(range, GiveBack);
            if (!ImportTable.Redirect(library, "posix_memalign", (nint)(delegate* unmanaged<void**, nuint, nuint, int>)&Allocate)) _heap = null;
            // Libraries still free what they hold while the process ends, when no managed code can run any more: then nothing is freed.
            AppDomain.CurrentDomain.ProcessExit += (_, _) => ImportTable.Redirect(library, "free", NativeLibrary.GetExport(libc, "getpid"));
            return;
        }
    }

    [UnmanagedCallersOnly]
    private static int Allocate(void** result, nuint alignment, nuint bytes)
    {
        if (bytes < (nuint)Smallest) return _align(result, alignment, bytes);
        lock (Access)
        {
            var at = _heap!.Take((long)bytes);
            if (at < 0) return OutOfMemory;
            if (at + (long)bytes is var end && end > _opened && !Open(end))
            {
                _heap.Give(at);
                return OutOfMemory;
            }
            *result = (void*)(_start + (nint)at);
            return 0;
        }
    }

    [UnmanagedCallersOnly]
    private static void Free(void* block)
    {
        if ((nint)block < _start || (nint)block >= _end) _free(block);
        else lock (Access) _heap!.Give((nint)block - _start);
    }

    /// <summary>Makes the range usable up to some place: the system may refuse that (a limit on data), and counts it as taken only where it is touched.</summary>
    private static bool Open(long top)
    {
        // A good piece at once; where a limit is near, no more than is needed.
        foreach (var step in (long[])[Step, BlockHeap.Unit])
        {
            var wanted = Math.Min(_end - _start, (top + step - 1) / step * step);
            if (Protect(_start + (nint)_opened, (nuint)(wanted - _opened), Read | Write) != 0) continue;
            _opened = wanted;
            return true;
        }
        return false;
    }

    /// <summary>The pages of a hole: they are zeros when they are touched again.</summary>
    private static void GiveBack(long start, long bytes) => _ = Advise(_start + (nint)start, (nuint)bytes, DoNotNeed);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint start, nuint bytes, int advice);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint bytes, int access, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint start, nuint bytes, int access);
}
