namespace Zephyr.Data.Sources;

/// <summary>A file of rows with whatever columns they have. The same rows give the same bytes.</summary>
public interface IRowWriter : IDisposable
{
    /// <summary>Adds a row.</summary>
    void Add(DataRow row);

    /// <summary>Writes what is left. A file that is disposed without it is not whole.</summary>
    void Complete();
}
