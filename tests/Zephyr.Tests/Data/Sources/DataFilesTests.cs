using Zephyr.Data.Sources;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Sources;

public sealed class DataFilesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_is_its_data_files_in_ordinal_order()
    {
        foreach (var name in new[] { "b.parquet", "a.jsonl", "B.jsonl", "c.json-lines", "readme.md", "x.json" }) _folder.Write(name, "{}");
        Assert.Equal(["B.jsonl", "a.jsonl", "b.parquet", "c.json-lines"], Names(_folder.Path));
    }

    [Fact]
    public void A_file_that_two_patterns_name_comes_once()
    {
        var file = _folder.Write("a.jsonl", "{}");
        Assert.Equal([file], DataFiles.Resolve([file, _folder.Path, _folder.PathOf("*.jsonl")]));
    }

    [Fact]
    public void A_file_that_is_spelled_in_two_ways_comes_once()
    {
        var file = _folder.Write("a.jsonl", "{}");
        Assert.Equal([file], DataFiles.Resolve([file, $"{_folder.Path}/./a.jsonl", $"{_folder.Path}/../{Path.GetFileName(_folder.Path)}/a.jsonl"]));
    }

    [Theory]
    [InlineData("*.jsonl", "a.jsonl", "b.jsonl")]
    [InlineData("?.jsonl", "a.jsonl", "b.jsonl")]
    [InlineData("data/train-*", "train-0.parquet", "train-1.parquet")]
    [InlineData("*/test-*.parquet", "test-0.parquet")]
    [InlineData("**/*.parquet", "test-0.parquet", "train-0.parquet", "train-1.parquet")]
    public void A_glob_is_what_it_matches(string glob, params string[] expected)
    {
        foreach (var name in new[] { "a.jsonl", "b.jsonl", "data/train-0.parquet", "data/train-1.parquet", "data/test-0.parquet" })
            _folder.Write(name, "{}");
        Assert.Equal(expected, Names(_folder.PathOf(glob)));
    }

    [Fact]
    public void A_missing_file_is_named_with_its_nearest_neighbour()
    {
        _folder.Write("train_prefs.parquet", "x");
        Assert.Equal(
            $"{_folder.Path}/train_pref.parquet: there is no such file or folder; the nearest name is {_folder.Path}/train_prefs.parquet",
            ErrorOf(_folder.PathOf("train_pref.parquet")));
    }

    [Fact]
    public void The_nearest_name_may_be_a_folder_on_the_way()
    {
        _folder.Write("feedback/a.jsonl", "{}");
        Assert.Equal($"{_folder.Path}/fedback/a.jsonl: there is no such file or folder; the nearest name is {_folder.Path}/feedback",
            ErrorOf(_folder.PathOf("fedback/a.jsonl")));
    }

    [Fact]
    public void A_name_that_is_like_nothing_here_says_what_is_expected() =>
        Assert.Equal(
            $"{_folder.Path}/HuggingFaceH4/ultrachat_200k: there is no such file or folder, "
            + "expected a .parquet or .jsonl file, a folder of them, or a glob on this machine",
            ErrorOf(_folder.PathOf("HuggingFaceH4/ultrachat_200k")));

    [Fact]
    public void A_folder_without_data_points_to_its_subfolder_with_data()
    {
        _folder.Write("data/train.parquet", "x");
        Assert.Equal($"{_folder.Path}: the folder holds no .parquet or .jsonl file; its subfolder {_folder.Path}/data does",
            ErrorOf(_folder.Path));
    }

    [Fact]
    public void A_folder_with_the_same_rows_in_two_formats_is_refused()
    {
        _folder.Write("train_prefs.parquet", "x");
        _folder.Write("train_prefs.jsonl", "{}");
        Assert.Equal(
            $"{_folder.Path}: holds train_prefs.jsonl and train_prefs.parquet, by their names the same rows in two formats, "
            + "expected one of them to be named",
            ErrorOf(_folder.Path));
    }

    [Theory]
    [InlineData("f.*")]
    [InlineData("f.jsonl", "f.jsonlines")]
    public void The_same_rows_in_two_formats_are_refused_however_they_were_named(params string[] patterns)
    {
        _folder.Write("f.jsonl", "{}");
        _folder.Write("f.jsonlines", "{}");
        Assert.Equal(
            $"{_folder.Path}: holds f.jsonl and f.jsonlines, by their names the same rows in two formats, expected one of them to be named",
            ErrorOf([.. patterns.Select(_folder.PathOf)]));
    }

    [Fact]
    public void Held_out_rows_may_not_be_trained_on()
    {
        DataFiles.RequireDisjoint(["a.jsonl"], ["b.jsonl"]);
        Assert.Equal("./a.jsonl: is in dataset and in eval_dataset, expected held-out rows that are not trained on",
            Assert.Throws<UserErrorException>(() => DataFiles.RequireDisjoint(["a.jsonl", "c.jsonl"], ["b.jsonl", "./a.jsonl"])).Message);
    }

    [Fact]
    public void A_glob_without_match_is_refused() =>
        Assert.Equal($"{_folder.Path}/*.jsonl: the glob matches no .parquet or .jsonl file", ErrorOf(_folder.PathOf("*.jsonl")));

    [Fact]
    public void A_file_of_another_kind_is_refused() =>
        Assert.Equal($"{_folder.Path}/a.csv: found a file of another kind, expected a .parquet or .jsonl file, a folder of them, or a glob",
            ErrorOf(_folder.Write("a.csv", "x")));

    [Fact]
    public void An_empty_file_is_refused() =>
        Assert.Equal($"{_folder.Path}/a.jsonl: the file is empty", ErrorOf(_folder.Write("a.jsonl", "")));

    [Fact]
    public void No_pattern_at_all_is_refused() =>
        Assert.Equal("no data is named, expected a .parquet or .jsonl file, a folder of them, or a glob", ErrorOf());

    [Fact]
    public void A_json_file_that_is_one_array_is_refused_with_a_remedy()
    {
        var file = _folder.Write("a.json", "\uFEFF\n [{}]");
        Assert.Equal(
            $"{file}: found one JSON array, expected JSON Lines, one object a line (jq -c '.[]' {file} > rows.jsonl writes them)",
            ErrorOf(file));
    }

    [Fact]
    public void A_json_file_of_json_lines_is_read() =>
        Assert.Single(WholeRows.Read(DataFiles.Resolve([_folder.Write("a.json", """{"a": 1}""")])));

    private static IEnumerable<string?> Names(string pattern) => DataFiles.Resolve([pattern]).Select(Path.GetFileName);

    private static string ErrorOf(params string[] patterns) =>
        Assert.Throws<UserErrorException>(() => DataFiles.Resolve(patterns)).Message;
}
