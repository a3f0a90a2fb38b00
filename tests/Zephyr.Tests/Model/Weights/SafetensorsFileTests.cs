using System.Text;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;
using static Zephyr.Tests.Model.Weights.HandMade;

namespace Zephyr.Tests.Model.Weights;

/// <summary>Whatever a header claims, it is held against the file before a byte is read or allocated for it.</summary>
public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    [Theory]
    [InlineData("[2, 3]", "[0, 24]", "F32", "")]
    [InlineData("[2, 3]", "[4, 16]", "BF16", "0-4 16-24")]
    [InlineData("[12]", "[0, 24]", "F16", "")]
    [InlineData("[]", "[20, 24]", "F32", "0-20")]
    [InlineData("[0, 5]", "[7, 7]", "F32", "0-24")]
    public void A_tensor_lies_where_the_header_says(string shape, string offsets, string dtype, string others)
    {
        var rest = string.Concat(others.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(place => place.Split('-').Select(int.Parse).ToArray())
            .Select(place => $", {Entry($"at{place[0]}", $"[{(place[1] - place[0]) / 2}]", $"[{place[0]}, {place[1]}]", "F16")}"));
        var entry = Open(File($"{{{Entry("w", shape, offsets, dtype)}{rest}, \"__metadata__\": {{\"format\": \"pt\"}}}}", 24)).Entries["w"];
        Assert.Equal(shape, $"[{string.Join(", ", entry.Shape)}]");
        Assert.Equal(offsets, $"[{entry.Begin - DataStart}, {entry.End - DataStart}]");
    }

    [Theory]
    [InlineData("[2, 3]", "[0, 20]", "the tensor w of shape [2, 3] claims bytes 0 to 20 of 24; the file is truncated or its header is wrong")]
    [InlineData("[2, 3]", "[8, 32]", "the tensor w of shape [2, 3] claims bytes 8 to 32 of 24; the file is truncated or its header is wrong")]
    [InlineData("[2, 3]", "[24, 0]", "the tensor w of shape [2, 3] claims bytes 24 to 0 of 24; the file is truncated or its header is wrong")]
    [InlineData("[2, 3]", "[-24, 0]", "the tensor w has -24 where a size or offset of at least 0 belongs")]
    [InlineData("[-2, -3]", "[0, 24]", "the tensor w has -2 where a size or offset of at least 0 belongs")]
    [InlineData("[2.5]", "[0, 10]", "the tensor w has 2.5 where a size or offset of at least 0 belongs")]
    [InlineData("[\"6\"]", "[0, 24]", "the tensor w has \"6\" where a size or offset of at least 0 belongs")]
    [InlineData("[99999999999999999999]", "[0, 24]", "the tensor w has 99999999999999999999 where a size or offset of at least 0 belongs")]
    // The product is 2^64, 2^128 and 2^192 times 4: 0 in any fixed width.
    [InlineData("[4294967296, 4294967296]", "[0, 0]", "the tensor w of shape [4294967296, 4294967296] claims bytes 0 to 0 of 24; the file is truncated or its header is wrong")]
    [InlineData("[4611686018427387904, 4611686018427387904, 16]", "[0, 0]",
        "the tensor w of shape [4611686018427387904, 4611686018427387904, 16] claims bytes 0 to 0 of 24; the file is truncated or its header is wrong")]
    [InlineData("[6]", "[0, 9223372036854775807]", "the tensor w of shape [6] claims bytes 0 to 9223372036854775807 of 24; the file is truncated or its header is wrong")]
    [InlineData("[6]", "[0]", "the tensor w lacks dtype, shape or data_offsets, or has more than these")]
    [InlineData("6", "[0, 24]", "the tensor w lacks dtype, shape or data_offsets, or has more than these")]
    public void A_description_that_does_not_fit_the_file_is_refused(string shape, string offsets, string problem) =>
        Assert.Equal(problem, ProblemOf(File($"{{{Entry("w", shape, offsets)}}}", 24)));

    [Fact]
    public void Other_number_formats_are_named() =>
        Assert.Equal("the tensor w has dtype I8; F32, F16 and BF16 are read", ProblemOf(File($"{{{Entry("w", "[24]", "[0, 24]", "I8")}}}", 24)));

    [Fact]
    public void A_name_may_stand_once()
    {
        var header = $"{{{Entry("w", "[2]", "[0, 8]")}, {Entry("v", "[2]", "[8, 16]")}, {Entry("w", "[2]", "[16, 24]")}}}";
        Assert.Equal("the tensor w is described twice", ProblemOf(File(header, 24)));
    }

    [Fact]
    public void Two_tensors_may_not_share_bytes()
    {
        var header = $"{{{Entry("v", "[3]", "[12, 24]")}, {Entry("empty", "[0]", "[3, 3]")}, {Entry("w", "[4]", "[0, 16]")}}}";
        Assert.Equal("the tensors w and v overlap", ProblemOf(File(header, 24)));
    }

    /// <summary>What no tensor owns could be anything, and no other program would see it.</summary>
    [Theory]
    [InlineData("[4, 24]", "[5]", "bytes 0 to 4 belong to no tensor")]
    [InlineData("[0, 20]", "[5]", "bytes 20 to 24 belong to no tensor")]
    [InlineData("[0, 0]", "[0]", "bytes 0 to 24 belong to no tensor")]
    public void All_bytes_belong_to_a_tensor(string offsets, string shape, string problem) =>
        Assert.Equal(problem, ProblemOf(File($"{{{Entry("w", shape, offsets)}}}", 24)));

    [Fact]
    public void A_description_says_each_thing_once()
    {
        const string Problem = "the tensor w lacks dtype, shape or data_offsets, or has more than these";
        Assert.Equal(Problem, ProblemOf(File("""{"w": {"dtype": "F32", "shape": [6], "shape": [6], "data_offsets": [0, 24]}}""", 24)));
        Assert.Equal(Problem, ProblemOf(File($"{{{Entry("w", $"[6{string.Concat(Enumerable.Repeat(", 1", 64))}]", "[0, 24]")}}}", 24)));
        Assert.Equal("a tensor's name has 400 characters", ProblemOf(File($"{{{Entry(new('w', 400), "[6]", "[0, 24]")}}}", 24)));
    }

    [Theory]
    [InlineData("{\"w\": ", "its header is not valid JSON")]
    [InlineData("[1, 2]", "its header is not a JSON object")]
    [InlineData("{\"w\": 3}", "the tensor w lacks dtype, shape or data_offsets, or has more than these")]
    [InlineData("{\"\\ud800\": {}}", "its header is not valid JSON")]
    [InlineData("{\"w\": {\"dtype\": \"\\ud800\", \"shape\": [], \"data_offsets\": [0, 4]}}", "its header is not valid JSON")]
    public void A_header_must_be_an_object_of_descriptions(string header, string problem) => Assert.Equal(problem, ProblemOf(File(header, 24)));

    [Fact]
    public void Bytes_that_are_not_utf8_are_not_json() =>
        Assert.Equal("its header is not valid JSON", ProblemOf(File([.. "{\""u8, 0xFF, .. "\": {}}"u8], 24)));

    [Fact]
    public void Deep_nesting_is_refused_and_not_followed()
    {
        var deep = new StringBuilder().Insert(0, "{\"w\":", 100_000).Append('1').Append('}', 100_000).ToString();
        Assert.Equal("its header is not valid JSON", ProblemOf(File(deep, 0)));
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(long.MaxValue)]
    [InlineData(100_000_001)]
    [InlineData(27)]
    public void A_header_longer_than_the_file_is_not_read(ulong length) =>
        Assert.Equal($"its header claims {length} bytes, the file has 34; it is truncated or no safetensors file", ProblemOf(File("{}", 24, length)));

    [Fact]
    public void Nearly_empty_and_absent_files_are_named()
    {
        Assert.Equal("it is 3 bytes long, too short for a header", ProblemOf(new byte[3]));
        var absent = _folder.PathOf("absent.safetensors");
        Assert.StartsWith($"{absent} cannot be read: ", Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(absent)).Message);
    }

    public void Dispose() => _folder.Dispose();

    private long DataStart => new FileInfo(_folder.PathOf("x")).Length - 24;

    private SafetensorsFile Open(byte[] content) => SafetensorsFile.Open(_folder.Write("x", content));

    private string ProblemOf(byte[] content)
    {
        var message = Assert.Throws<UserErrorException>(() => Open(content)).Message;
        var prefix = $"{_folder.PathOf("x")} cannot be used: ";
        Assert.StartsWith(prefix, message);
        return message[prefix.Length..];
    }
}
