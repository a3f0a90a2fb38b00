using System.Text.Json;
using Zephyr.Evaluation.Parity;
using Zephyr.Evaluation.Speed;
using Zephyr.Runtime;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Data.Sources;
using static TorchSharp.torch;

namespace Zephyr.Tests.Evaluation.Parity;

/// <summary>The comparisons that a GPU machine makes without the tests, on the CPU.</summary>
public sealed class GoldenParityTests : IDisposable
{
    private static readonly string Golden = Path.Combine(SharedFolder.RepositoryRoot, "tests/Zephyr.Tests/Golden/model");

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_number_is_that_of_transformers_and_TRL(bool bf16)
    {
        var rows = GoldenParity.Run(Golden, CPU, bf16, "auto").ToList();
        // Without a window there are numbers only, with one whole logits too.
        Assert.Equal((10, 12), (rows.Count(row => row.Window == "swnone"), rows.Count(row => row.Window == "sw8")));
        Assert.All(rows, row => Assert.True(row.Holds, $"{row}"));
        Assert.All(rows, row => Assert.Equal((bf16 ? "bf16" : "fp32", "sdpa"), (row.Dtype, row.Attention)));
    }

    [Fact]
    public void A_number_that_is_another_one_is_found_by_the_doctor()
    {
        foreach (var entry in Directory.GetFileSystemEntries(Golden)) File.CreateSymbolicLink(_folder.PathOf(Path.GetFileName(entry)), entry);
        File.Delete(_folder.PathOf("swnone"));
        Directory.CreateDirectory(_folder.PathOf("swnone"));
        var numbers = File.ReadAllText(Path.Combine(Golden, "swnone/golden.json"));
        var loss = JsonDocument.Parse(numbers).RootElement.GetProperty("full").GetProperty("loss").GetRawText();
        _folder.Write("swnone/golden.json", numbers.Replace(loss, "7.25", StringComparison.Ordinal));
        var run = CliRun.Of("doctor", "--device", "cpu", "--golden", _folder.Path, "--json");
        Assert.Equal((1, ""), (run.Code, run.Error));
        var rows = JsonDocument.Parse(run.Output).RootElement.GetProperty("golden").EnumerateArray().ToList();
        Assert.Equal(44, rows.Count);
        Assert.Equal(["sft loss, full"], rows.Where(row => !row.GetProperty("holds").GetBoolean() && row.GetProperty("dtype").GetString() == "fp32").Select(row => row.GetProperty("what").GetString()));
        Assert.False(new ParityRow("", "", "", "", double.NaN, 1, null).Holds);
    }

    [Fact]
    public void A_comparison_that_cannot_be_made_is_told_and_the_others_go_on()
    {
        foreach (var entry in Directory.GetFileSystemEntries(Golden)) File.CreateSymbolicLink(_folder.PathOf(Path.GetFileName(entry)), entry);
        File.Delete(_folder.PathOf("swnone"));
        Directory.CreateDirectory(_folder.PathOf("swnone"));
        _folder.Write("swnone/golden.json", File.ReadAllText(Path.Combine(Golden, "swnone/golden.json")).Replace("\"dpo_10_steps\"", "\"other\"", StringComparison.Ordinal));
        var run = CliRun.Of("doctor", "--device", "cpu", "--golden", _folder.Path, "--json");
        Assert.Equal((1, ""), (run.Code, run.Error));
        var document = JsonDocument.Parse(run.Output).RootElement;
        var rows = document.GetProperty("golden").EnumerateArray().ToList();
        Assert.Equal(2 * (9 + 12), rows.Count);
        Assert.Equal(2, rows.Count(row => !row.GetProperty("holds").GetBoolean() && row.GetProperty("what").GetString() == "trajectories"
            && row.GetProperty("problem").GetString() == "The given key was not present in the dictionary"));
        Assert.Equal(40, rows.Count(row => row.GetProperty("holds").GetBoolean()));
        Assert.All(document.GetProperty("operations").EnumerateArray(), row => Assert.True(row.GetProperty("holds").GetBoolean()));
        Assert.Contains("FAILED: The given key was not present in the dictionary", CliRun.Of("doctor", "--device", "cpu", "--golden", _folder.Path).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_of_something_else_is_one_sentence()
    {
        var run = CliRun.Of("doctor", "--device", "cpu", "--golden", _folder.Path);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.StartsWith($"zephyr: --golden: {_folder.PathOf("inputs.json")} cannot be read (", run.Error, StringComparison.Ordinal);
        Assert.EndsWith("; expected a folder of golden numbers: inputs.json, and swnone/ and sw8/ with golden.json\n", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_GPU_that_is_not_there_is_what_the_doctor_finds()
    {
        Assert.SkipWhen(NativeTorch.Load().HasCuda, "this build has CUDA");
        var run = CliRun.Of("doctor", "--device", "cuda", "--json");
        Assert.Equal((1, ""), (run.Code, run.Error));
        var document = JsonDocument.Parse(run.Output).RootElement;
        var problem = Assert.Single(document.GetProperty("findings").EnumerateArray(), finding => finding.GetProperty("is_problem").GetBoolean());
        Assert.StartsWith("device: cuda was asked for, but the libtorch in use", problem.GetProperty("remark").GetString(), StringComparison.Ordinal);
        Assert.Equal(("2.10.0", false), (document.GetProperty("libtorch").GetProperty("version").GetString(), document.GetProperty("libtorch").GetProperty("has_cuda").GetBoolean()));
        Assert.Empty(document.GetProperty("devices").EnumerateArray());
    }

    [Theory]
    [InlineData("NVIDIA H100 80GB HBM3", 989.4)]
    [InlineData("NVIDIA H100 PCIe", 756.0)]
    [InlineData("NVIDIA H200", 989.4)]
    [InlineData("NVIDIA GH200 480GB", 989.4)]
    [InlineData("NVIDIA B200", 2250.0)]
    [InlineData("NVIDIA A100-SXM4-80GB", 311.9)]
    [InlineData("NVIDIA L40S", 362.0)]
    [InlineData("NVIDIA L4", 121.0)]
    [InlineData("Something else", null)]
    [InlineData("NVIDIA RTX A4000", null)]
    [InlineData("NVIDIA RTX A1000 Laptop GPU", null)]
    public void A_card_is_known_by_its_drivers_name(string name, double? teraOperations) => Assert.Equal(teraOperations * 1e12, PublishedRates.DenseBf16(name));
}
