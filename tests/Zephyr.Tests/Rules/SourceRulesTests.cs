using System.Text.RegularExpressions;

namespace Zephyr.Tests.Rules;

/// <summary>What the design promises of the sources themselves.</summary>
public partial class SourceRulesTests
{
    private static readonly string Root = SharedFolder.RepositoryRoot;
    private static readonly string Core = Path.Combine(Root, "src", "Zephyr.Core");

    /// <summary>The reading order: a folder knows those before it only.</summary>
    private static readonly string[] Layers =
        ["Runtime", "Configuration", "Data", "Model", "Objectives", "Training", "Feedback", "Evaluation", "Serving", "Pipeline"];

    [Fact]
    public void Every_folder_of_the_library_is_a_layer() =>
        Assert.Equal(Layers.Order(), Directory.GetDirectories(Core).Select(Path.GetFileName).Where(name => name is not ("bin" or "obj")).Order());

    [Theory]
    [InlineData("Runtime")]
    [InlineData("Configuration")]
    [InlineData("Data")]
    [InlineData("Model")]
    [InlineData("Objectives")]
    [InlineData("Training")]
    [InlineData("Feedback")]
    [InlineData("Evaluation")]
    [InlineData("Serving")]
    public void A_layer_depends_only_on_those_before_it(string layer)
    {
        var later = Layers.SkipWhile(name => name != layer).Skip(1).Append("Cli");
        var forbidden = new Regex($@"\bZephyr\.({string.Join('|', later)})\b");
        foreach (var file in Sources(Path.Combine(Core, layer)))
        {
            var code = CodeOf(file);
            Assert.Matches($@"(?m)^namespace Zephyr\.{layer}(\.|;)", code);
            Assert.False(forbidden.IsMatch(code), $"{file} uses {forbidden.Match(code).Value}, which comes after {layer}");
        }
    }

    [Fact]
    public void The_library_never_prints() =>
        Assert.All(Sources(Core), file => Assert.DoesNotMatch(@"(?<![\w.])(System\.)?Console\.", CodeOf(file)));

    /// <summary>One clock, one source of randomness: whatever a run does must be a function of its configuration.</summary>
    [Fact]
    public void The_library_asks_neither_the_clock_nor_unseeded_randomness() =>
        // A GPU has one generator, which Runtime/DeviceRandom seeds.
        Assert.All(Sources(Core).Where(file => Path.GetFileName(file) != "DeviceRandom.cs"),
            file => Assert.DoesNotMatch(@"\bDateTime(Offset)?\.(Utc)?Now\b|\bRandom\.Shared\b|\bnew Random\(|\bmanual_seed(_all)?\(", CodeOf(file)));

    [Fact]
    public void Files_can_be_held_in_the_head() =>
        Assert.All(Sources(Path.Combine(Root, "src")).Concat(Sources(Path.Combine(Root, "tests"))),
            file => Assert.True(File.ReadLines(file).Count() <= 250, $"{file} has over 250 lines"));

    private static IEnumerable<string> Sources(string folder) => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
        .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));

    private static string CodeOf(string file) => Comment().Replace(File.ReadAllText(file), "");

    [GeneratedRegex(@"(?m)(^|\s)//.*$")]
    private static partial Regex Comment();
}
