using System.Runtime.InteropServices;

namespace Zephyr.Runtime;

/// <summary>The functions that a loaded library calls in others: where it keeps their addresses, by name (System V ABI).</summary>
internal static unsafe partial class ImportTable
{
    private const int LinkMap = 2, Read = 1, Write = 2;
    private const long StringTable = 5, SymbolTable = 6, Relocations = 7, RelocationBytes = 8, PltRelocationBytes = 2, PltRelocations = 23;
    private const uint GlobalData = 6, JumpSlot = 7;

    /// <summary>Has a library call another function in place of one. Only its own calls are concerned.</summary>
    /// <param name="library">As the dynamic loader gave it.</param>
    /// <param name="name">The function it means to call.</param>
    /// <param name="target">What it calls from now on.</param>
    /// <returns>Whether it calls such a function at all, and could be told.</returns>
    public static bool Redirect(IntPtr library, string name, nint target)
    {
        var found = false;
        foreach (var slot in SlotsOf(library, name))
        {
            var page = (nint)slot & ~((nint)Environment.SystemPageSize - 1);
            // Behind the loader's back these pages may be read-only; they hold nothing but such addresses.
            if (Protect(page, (nuint)((nint)slot + sizeof(nint) - page), Read | Write) != 0) return false;
            Volatile.Write(ref *(nint*)slot, target);
            found = true;
        }
        return found;
    }

    private static List<nint> SlotsOf(IntPtr library, string name)
    {
        List<nint> slots = [];
        Map* map;
        if (Info(library, LinkMap, &map) != 0) return slots;
        var origin = map->Base;
        var entries = new Dictionary<long, nint>();
        for (var entry = map->Dynamic; entry->Tag != 0; entry++) entries.TryAdd(entry->Tag, entry->Value);
        // The loader has made the tables' offsets addresses, on most systems.
        nint At(long tag) => !entries.TryGetValue(tag, out var value) ? 0 : value < origin ? origin + value : value;
        foreach (var (table, bytes) in new[] { (At(PltRelocations), PltRelocationBytes), (At(Relocations), RelocationBytes) })
        {
            if (table == 0 || !entries.TryGetValue(bytes, out var size)) continue;
            for (var entry = (Relocation*)table; (nint)entry < table + size; entry++)
            {
                if ((uint)entry->Info is not (GlobalData or JumpSlot)) continue;
                var symbol = (uint*)(At(SymbolTable) + (nint)(entry->Info >> 32) * 24);
                if (Marshal.PtrToStringUTF8(At(StringTable) + (nint)(*symbol)) == name) slots.Add(origin + entry->Offset);
            }
        }
        return slots;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Map
    {
        public nint Base, Name;
        public DynamicEntry* Dynamic;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct DynamicEntry
    {
        public long Tag;
        public nint Value;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Relocation
    {
        public nint Offset;
        public ulong Info;
        public long Addend;
    }

    [LibraryImport("libc", EntryPoint = "dlinfo")]
    private static partial int Info(IntPtr library, int request, Map** map);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint start, nuint bytes, int access);
}
