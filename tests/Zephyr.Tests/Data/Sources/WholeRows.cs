using Zephyr.Data.Sources;

namespace Zephyr.Tests.Data.Sources;

/// <summary>Rows with all their columns.</summary>
internal static class WholeRows
{
    public static IEnumerable<DataRow> Read(IReadOnlyList<string> files) => RowReader.Read(files, (_, columns) => columns);
}
