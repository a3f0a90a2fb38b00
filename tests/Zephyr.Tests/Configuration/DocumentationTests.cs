namespace Zephyr.Tests.Configuration;

/// <summary>
/// The reference pages say what the program does: their tables are written by it. After a change of keys,
/// <c>ZEPHYR_UPDATE_DOCS=1</c> in the environment of a test run writes them anew; what stands above the mark is a person's.
/// </summary>
public class DocumentationTests
{
    private const string Mark = "<!-- From here on the tests write this page: see DocumentationTests. -->\n";

    [Fact]
    public void The_reference_of_keys_is_current() => AssertCurrent("configuration.md", ReferencePages.Keys());

    [Fact]
    public void The_map_from_TRL_is_current() => AssertCurrent("coming-from-trl.md", ReferencePages.Fields());

    [Fact]
    public void The_keys_of_an_endpoint_are_current() => AssertCurrent("asking-models.md", ReferencePages.Endpoints());

    private static void AssertCurrent(string page, string tables)
    {
        var file = Path.Combine(SharedFolder.RepositoryRoot, "docs", page);
        var text = File.ReadAllText(file);
        var end = text.IndexOf(Mark, StringComparison.Ordinal);
        Assert.True(end >= 0, $"docs/{page} has lost its mark");
        var expected = text[..(end + Mark.Length)] + tables;
        if (Environment.GetEnvironmentVariable("ZEPHYR_UPDATE_DOCS") == "1") File.WriteAllText(file, text = expected);
        Assert.Equal(expected, text);
    }
}
