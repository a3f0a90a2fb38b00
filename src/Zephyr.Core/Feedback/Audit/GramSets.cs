using System.Runtime.InteropServices;
using Zephyr.Data.Prepared;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Audit;

/// <summary>Sets of 64-bit numbers in a nameless file; in memory is where each one stands.</summary>
internal sealed class GramSets : IDisposable
{
    private const int Portion = 1 << 20;

    private readonly FileStream _file = ScratchFile.CreateNameless();
    private readonly List<(long Start, int Count)> _places = [];
    private readonly MemoryStream _pending = new();
    private long _written;

    /// <summary>Adds a set.</summary>
    /// <param name="sorted">Its numbers in ascending order, each once.</param>
    /// <exception cref="RunFailedException">There is no room for it.</exception>
    public void Add(ReadOnlySpan<ulong> sorted)
    {
        _places.Add((_written + _pending.Length, sorted.Length));
        _pending.Write(MemoryMarshal.AsBytes(sorted));
        if (_pending.Length >= Portion) Flush();
    }

    /// <summary>The share of the numbers of either set that are in both.</summary>
    public double Jaccard(int a, int b)
    {
        Flush();
        var (first, second) = (Read(_places[a]), Read(_places[b]));
        int i = 0, j = 0, common = 0;
        while (i < first.Length && j < second.Length)
        {
            if (first[i] == second[j]) (i, j, common) = (i + 1, j + 1, common + 1);
            else if (first[i] < second[j]) i++;
            else j++;
        }
        return (double)common / (first.Length + second.Length - common);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void Flush()
    {
        if (_pending.Length == 0) return;
        try
        {
            RandomAccess.Write(_file.SafeFileHandle, _pending.GetBuffer().AsSpan(0, (int)_pending.Length), _written);
        }
        catch (IOException error)
        {
            throw new RunFailedException($"{Path.GetTempPath()}: what prompts have in common could not be written there: {error.Message}; name another folder with TMPDIR, or look for no near-duplicates (near_duplicates: 0)", error);
        }
        _written += _pending.Length;
        _pending.SetLength(0);
    }

    private ulong[] Read((long Start, int Count) place)
    {
        var numbers = new ulong[place.Count];
        var bytes = MemoryMarshal.AsBytes(numbers.AsSpan());
        for (var read = 0; read < bytes.Length;)
        {
            var count = RandomAccess.Read(_file.SafeFileHandle, bytes[read..], place.Start + read);
            if (count == 0) throw new InvalidOperationException("the file ends before its sets");
            read += count;
        }
        return numbers;
    }
}
