using System.Text.RegularExpressions;

namespace Zephyr.Tests.Rules;

/// <summary>
/// What a GPU would wait for or refuse, and the CPU does not show: numbers that are read back in the middle of a step, and tensors that are made on the CPU and mixed with the device's.
/// libtorch's own device without numbers (meta) cannot run a model here: index_select has no kernel for it outside of Python.
/// </summary>
public partial class DeviceRulesTests
{
    private static readonly string Core = Path.Combine(SharedFolder.RepositoryRoot, "src", "Zephyr.Core");

    /// <summary>A step reads back once (StepAccumulation), an evaluation and the cached reference once a batch; the probe, merging, weight files and what a model is made of are outside of steps.</summary>
    private static readonly string[] Readers = ["StepAccumulation.cs", "Evaluator.cs", "ReferenceCache.cs", "AdapterMerge.cs", "FlashProbe.cs", "WeightReader.cs", "WeightWriter.cs", "RotaryEmbedding.cs", "BlockScales.cs"];

    [Theory]
    [InlineData("Model")]
    [InlineData("Objectives")]
    [InlineData("Training")]
    public void Numbers_are_read_back_from_a_device_in_known_places_only(string layer) =>
        Assert.All(Lines(layer).Where(line => !Readers.Contains(Path.GetFileName(line.File)) && !IsGeneration(line.File)), line => Assert.DoesNotMatch(ReadBack(), line.Text));

    [Theory]
    [InlineData("Model")]
    [InlineData("Objectives")]
    [InlineData("Training")]
    public void A_tensor_is_made_on_a_device_that_is_named(string layer) =>
        Assert.All(Creations(layer).Where(made => !OnTheCpu(made)), made => Assert.Matches("[dD]evice", made.Text));

    [Fact]
    public void The_rules_see_what_they_are_about()
    {
        Assert.Matches(ReadBack(), "var x = sums.cpu();");
        Assert.Matches(ReadBack(), "loss.item<float>()");
        Assert.Matches(Creation(), "var mask = ones(3, 4);");
        Assert.DoesNotMatch(Creation(), "zeros_like(x)");
        Assert.Contains(Lines("Training"), line => ReadBack().IsMatch(line.Text));
    }

    /// <summary>It reads the scores of every token.</summary>
    private static bool IsGeneration(string file) => file.StartsWith("Model/Generation/", StringComparison.Ordinal);

    /// <summary>Fresh weights and adapters are drawn on the CPU and moved, files are read and merged there, and the probe moves its numbers as a whole.</summary>
    private static bool OnTheCpu((string File, string Text) line) =>
        Path.GetFileName(line.File) is "WeightReader.cs" or "AdapterMerge.cs" or "LoraAdapter.cs" or "FlashProbe.cs" || line.Text.Contains(".to(dtype, device)", StringComparison.Ordinal);

    private static IEnumerable<(string File, string Text)> Lines(string layer) =>
        from file in Directory.EnumerateFiles(Path.Combine(Core, layer), "*.cs", SearchOption.AllDirectories)
        from line in File.ReadLines(file)
        where !line.TrimStart().StartsWith("//", StringComparison.Ordinal)
        select (Path.GetRelativePath(Core, file), line);

    /// <summary>From where a tensor is made to the end of the statement.</summary>
    private static IEnumerable<(string File, string Text)> Creations(string layer) =>
        from code in Lines(layer).GroupBy(line => line.File, (file, lines) => (File: file, Text: string.Join('\n', lines.Select(line => line.Text))))
        from Match match in Creation().Matches(code.Text)
        select (code.File, code.Text[match.Index..(code.Text.IndexOf(';', match.Index) is var end and >= 0 ? end : code.Text.Length)]);

    [GeneratedRegex(@"\.item(<|\()|\.cpu\(|\.data<|\.bytes\b|\.ToDouble\(|\.ReadCpu")]
    private static partial Regex ReadBack();

    [GeneratedRegex(@"(?<![\w.])(torch\.)?(tensor|zeros|ones|empty|full|arange|rand|randn|eye)\(")]
    private static partial Regex Creation();
}
