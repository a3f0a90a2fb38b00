using System.Buffers;
using System.Buffers.Binary;
using System.Collections;
using Zephyr.Runtime;

namespace Zephyr.Data.Prepared;

/// <summary>
/// Rows that stay on disk: each is read and made when it is asked for, as a new object, and none is held. May be used from several threads.
/// </summary>
internal sealed class PreparedRows<T>(PreparedFile<T> file, int first, int count) : IReadOnlyList<T>, IDisposable
{
    /// <inheritdoc/>
    public int Count => count;

    /// <inheritdoc/>
    public T this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, count);
            Span<byte> bounds = stackalloc byte[2 * sizeof(long)];
            file.Read(bounds, file.IndexAt + (long)(first + index) * sizeof(long));
            var (start, end) = (BinaryPrimitives.ReadInt64LittleEndian(bounds), BinaryPrimitives.ReadInt64LittleEndian(bounds[sizeof(long)..]));
            var rented = ArrayPool<byte>.Shared.Rent((int)(end - start));
            try
            {
                var bytes = rented.AsSpan(0, (int)(end - start));
                file.Read(bytes, start);
                var reader = new RowReader(bytes, file.Narrow);
                var row = file.Format.Read(ref reader);
                return reader.AtEnd ? row : throw new FormatException("bytes are left");
            }
            catch (Exception error) when (error is ArgumentException or IndexOutOfRangeException or OverflowException or FormatException)
            {
                throw new UserErrorException($"{file.Name}: row {first + index + 1} is not one that this program writes, though the file's hash is right; remove the file, and it is made anew", error);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator()
    {
        for (var i = 0; i < count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Lets go of the file, of both its sides.</summary>
    public void Dispose() => file.Dispose();
}
