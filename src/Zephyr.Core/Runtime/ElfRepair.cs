using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Zephyr.Runtime;

/// <summary>
/// TorchSharp 0.107's native library was linked with GCC 13 and asks for GLIBCXX_3.4.32, for one symbol: an empty
/// initialiser. On Debian 12 and Ubuntu 22.04 (3.4.30) it does not load for that alone. Here a private copy is made in
/// which that one import names an existing no-argument libc function instead and the version is only wished for.
/// </summary>
internal static class ElfRepair
{
    public const string MissingVersion = "GLIBCXX_3.4.32";
    private const string MissingSymbol = "_ZSt21ios_base_library_initv";
    private const string Substitute = "getpid";

    // ELF constants (System V ABI, GNU symbol versioning).
    private const uint SectionDynamicSymbols = 11, SectionVersionIndices = 0x6fffffff, SectionVersionNeeds = 0x6ffffffe;
    private const ushort VersionGlobal = 1, VersionWeak = 2;

    /// <summary>Loads a repaired copy of <paramref name="path"/>, kept in the user's own cache folder.</summary>
    /// <exception cref="UserErrorException">The copy cannot be written, or does not load either.</exception>
    public static IntPtr LoadRepairedCopy(string path)
    {
        var image = File.ReadAllBytes(path);
        Repair(image);
        var folder = UserCache.Folder;
        try
        {
            return NativeLibrary.Load(Keep(folder, image));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or DllNotFoundException)
        {
            throw new UserErrorException($"{path} needs {MissingVersion}, which this system's libstdc++ is too old for, and no repaired copy could be "
                + $"kept in {folder} and loaded from there ({NativeTorch.Reason(error).TrimEnd('.')}); set XDG_CACHE_HOME to a folder that you may write and "
                + "execute in, or use a system with GCC 13's libstdc++ (Debian 13, Ubuntu 24.04)", error);
        }
    }

    /// <summary>Whether a library ends before its own section table does, which stands last: a copy or download that stopped.</summary>
    public static bool IsTruncated(string path)
    {
        Span<byte> header = stackalloc byte[64];
        using var file = File.OpenRead(path);
        if (file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length) return true;
        var sections = BinaryPrimitives.ReadUInt64LittleEndian(header[40..]);
        var bytes = BinaryPrimitives.ReadUInt16LittleEndian(header[58..]) * BinaryPrimitives.ReadUInt16LittleEndian(header[60..]);
        return IsElf(header) && sections + (ulong)bytes > (ulong)file.Length;
    }

    /// <summary>The names that a library needs from others, but for those that it can do without.</summary>
    /// <exception cref="UserErrorException">The file is not a library.</exception>
    internal static IReadOnlyList<string> Undefined(ReadOnlySpan<byte> image)
    {
        const byte weak = 2;
        var symbols = FindSection(image, SectionDynamicSymbols);
        var names = SectionHeader(image, (int)symbols.Link);
        List<string> found = [];
        for (var i = 1; i < symbols.Size / 24; i++)
        {
            var symbol = image.Slice(symbols.Offset + i * 24, 24);
            var isDefined = BinaryPrimitives.ReadUInt16LittleEndian(symbol[6..]) != 0;
            if (isDefined || symbol[4] >> 4 == weak) continue;
            var name = image.Slice(names.Offset, names.Size)[(int)ReadU32(symbol)..];
            if (Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]) is var text && text != MissingSymbol) found.Add(text);
        }
        return found;
    }

    /// <summary>Renames the one import and makes its version optional, in place.</summary>
    /// <exception cref="UserErrorException">The file is not the library this repair is for.</exception>
    internal static void Repair(Span<byte> image)
    {
        var symbols = FindSection(image, SectionDynamicSymbols);
        var names = SectionHeader(image, (int)symbols.Link);
        var nameAt = FindName(image.Slice(names.Offset, names.Size));
        for (var i = 0; i < symbols.Size / 24; i++)
        {
            var symbol = image.Slice(symbols.Offset + i * 24, 24);
            if (ReadU32(symbol) != nameAt) continue;
            var versions = FindSection(image, SectionVersionIndices);
            BinaryPrimitives.WriteUInt16LittleEndian(image[(versions.Offset + i * 2)..], VersionGlobal);
        }
        var name = image.Slice(names.Offset + (int)nameAt, MissingSymbol.Length);
        name.Clear();
        Encoding.ASCII.GetBytes(Substitute, name);
        MakeVersionOptional(image, names.Offset);
    }

    /// <summary>Walks .gnu.version_r: files, and under each the versions wanted of it.</summary>
    private static void MakeVersionOptional(Span<byte> image, int stringTable)
    {
        var needs = FindSection(image, SectionVersionNeeds);
        var file = needs.Offset;
        for (var next = -1; next != 0; file += next)
        {
            var entry = file + (int)ReadU32(image[(file + 8)..]);
            for (var step = -1; step != 0; entry += step)
            {
                var version = image[(stringTable + (int)ReadU32(image[(entry + 8)..]))..];
                if (version[..(MissingVersion.Length + 1)].SequenceEqual(Encoding.ASCII.GetBytes(MissingVersion + '\0')))
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(image[(entry + 4)..], VersionWeak);
                    return;
                }
                step = (int)ReadU32(image[(entry + 12)..]);
            }
            next = (int)ReadU32(image[(file + 12)..]);
        }
        throw NotTheLibrary();
    }

    /// <summary>Writes the image under a name made of its content, aside and renamed, so that two processes may do it at once.</summary>
    private static string Keep(string folder, byte[] image)
    {
        UserCache.Make();
        var target = Path.Combine(folder, $"libLibTorchSharp-{Convert.ToHexStringLower(SHA256.HashData(image))[..16]}.so");
        if (File.Exists(target) && File.ReadAllBytes(target).AsSpan().SequenceEqual(image)) return target;
        var aside = $"{target}.{Environment.ProcessId}.{Guid.NewGuid():N}";
        try
        {
            File.WriteAllBytes(aside, image);
            File.SetUnixFileMode(aside, UserCache.OwnerOnly);
            File.Move(aside, target, overwrite: true);
        }
        finally
        {
            File.Delete(aside); // There is none where all went well.
        }
        return target;
    }

    private readonly record struct Section(uint Type, int Offset, int Size, uint Link);

    private static Section FindSection(ReadOnlySpan<byte> image, uint type)
    {
        if (image.Length < 64 || !IsElf(image)) throw NotTheLibrary();
        var count = BinaryPrimitives.ReadUInt16LittleEndian(image[60..]);
        for (var i = 0; i < count; i++)
            if (SectionHeader(image, i) is { } section && section.Type == type) return section;
        throw NotTheLibrary();
    }

    private static Section SectionHeader(ReadOnlySpan<byte> image, int index)
    {
        var header = image.Slice((int)BinaryPrimitives.ReadUInt64LittleEndian(image[40..]) + index * 64, 64);
        return new(ReadU32(header[4..]), (int)BinaryPrimitives.ReadUInt64LittleEndian(header[24..]),
            (int)BinaryPrimitives.ReadUInt64LittleEndian(header[32..]), ReadU32(header[40..]));
    }

    private static uint FindName(ReadOnlySpan<byte> names)
    {
        var at = names.IndexOf(Encoding.ASCII.GetBytes('\0' + MissingSymbol + '\0'));
        return at >= 0 ? (uint)at + 1 : throw NotTheLibrary();
    }

    private static bool IsElf(ReadOnlySpan<byte> image) => image.StartsWith("\x7f\u0045LF"u8);

    private static uint ReadU32(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static UserErrorException NotTheLibrary() =>
        new($"TorchSharp's native library wants {MissingVersion} but is not the build that the repair knows; use a system with GCC 13's libstdc++");
}
