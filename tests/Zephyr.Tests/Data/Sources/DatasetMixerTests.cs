using Zephyr.Configuration;
using Zephyr.Data.Sources;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Sources;

public sealed class DatasetMixerTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1.0, 30)]
    [InlineData(0.5, 15)]
    // As the handbook rounds: down, in floating point (0.7 * 30 is 21, but 0.29 * 100 is 28.999...).
    [InlineData(0.7, 21)]
    [InlineData(0.04, 1)]
    [InlineData(0.34, 10)]
    public void A_share_is_the_first_rows_of_a_source(double share, int rows)
    {
        Rows("a/rows-0.jsonl", 10);
        Rows("a/rows-1.jsonl", 20);
        var (train, held) = Resolve([("a", share)]);
        Assert.Empty(held);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"rows-0 {i}").Concat(Enumerable.Range(0, 20).Select(i => $"rows-1 {i}")).Take(rows), Texts(train));
    }

    [Fact]
    public void Sources_follow_one_another_as_they_are_named_whatever_their_format_and_columns()
    {
        Rows("z.jsonl", 4);
        _folder.Write("a.jsonl", "\n{\"prompt\": \"Q\", \"completion\": \"A\"}\n\nbroken\n{\"prompt\": \"R\", \"completion\": \"B\"}\n");
        var (train, _) = Resolve([("z.jsonl", 0.5), ("a.jsonl", 0.67)]);
        var source = new RowSource(train, new(skip: true));
        // Two of a.jsonl's three rows: a bad one is a row, a blank line is none.
        Assert.Equal(["z 0", "z 1", "Q"], ConversationSchema.Read(source).Select(row => row.Text ?? row.Messages[0].Content));
    }

    [Fact]
    public void A_parquet_file_tells_its_rows()
    {
        var file = SharedFolder.PathOf("data/sft/capybara_test.parquet");
        var train = DatasetMixer.Resolve(Options([(file, 0.25)])).Train;
        Assert.Equal(50, Assert.Single(train).Rows);
        Assert.Equal(50, ConversationSchema.Read(new RowSource(train, new(skip: false))).Count());
        Assert.Equal(200, RowReader.Count(file));
    }

    [Fact]
    public void Splits_are_found_as_the_hub_lays_them_out()
    {
        Rows("chat/data/train_sft-00000-of-00002-0a1b.jsonl", 6);
        Rows("chat/data/train_sft-00001-of-00002-0a1b.jsonl", 6);
        Rows("chat/data/train_gen-00000-of-00001-0a1b.jsonl", 5);
        Rows("chat/data/test_sft-00000-of-00001-0a1b.jsonl", 4);
        Rows("flat/train_sft.jsonl", 2);
        Rows("flat/test_sft.jsonl", 1);
        Rows("deep/train_sft/any.jsonl", 3);
        Rows("deep/data/test_sft/any.jsonl", 2);
        var (train, held) = Resolve([("chat", 0.75), ("flat", 0.5), ("deep", 1)], "train_sft", "test_sft");
        Assert.Equal(["train_sft-00000-of-00002-0a1b.jsonl 6", "train_sft-00001-of-00002-0a1b.jsonl 3", "train_sft.jsonl 1", "any.jsonl all"],
            train.Select(file => $"{Path.GetFileName(file.Path)} {(file.Rows == int.MaxValue ? "all" : file.Rows)}"));
        // Held-out rows are taken whole, whatever the share.
        Assert.Equal(["test_sft-00000-of-00001-0a1b.jsonl", "test_sft.jsonl", "any.jsonl"], held.Select(file => Path.GetFileName(file)));
    }

    [Fact]
    public void A_share_is_taken_of_each_training_split()
    {
        Rows("a/train_sft.jsonl", 4);
        Rows("a/train_gen.jsonl", 6);
        Assert.Equal(["train_sft 0", "train_sft 1", "train_gen 0", "train_gen 1", "train_gen 2"], Texts(Resolve([("a", 0.5)], "train_sft", "train_gen").Train));
    }

    [Fact]
    public void A_longer_name_is_a_split_where_no_file_has_the_exact_one()
    {
        Rows("a/train_prefs.jsonl", 1);
        Rows("b/train.jsonl", 1);
        Rows("b/train_other.jsonl", 1);
        Assert.Equal(["train_prefs 0", "train 0"], Texts(Resolve([("a", 1), ("b", 1)], "train").Train));
    }

    [Fact]
    public void Files_and_globs_are_filtered_by_the_split_too()
    {
        Rows("a/train.jsonl", 1);
        Rows("a/test.jsonl", 1);
        var (train, held) = Resolve([("a/*.jsonl", 1)], "train", "test");
        Assert.Equal(["train 0"], Texts(train));
        Assert.Equal(_folder.PathOf("a/test.jsonl"), Assert.Single(held));
    }

    [Fact]
    public void A_split_that_is_not_there_is_named_with_what_is()
    {
        Rows("a/data/train_sft-0.jsonl", 1);
        Assert.Equal($"{_folder.Path}/a: has no split test_sft, expected files named test_sft-* or test_sft.* in it or in its data/ subfolder, or a folder test_sft"
            + "; there is train_sft-0.jsonl", ErrorOf([("a", 1)], "train_sft", "test_sft"));
    }

    [Fact]
    public void A_split_in_two_places_is_refused()
    {
        Rows("a/train.jsonl", 1);
        Rows("a/data/train.jsonl", 1);
        Assert.Equal($"{_folder.Path}/a: has the split train in {_folder.Path}/a and in {_folder.Path}/a/data, expected it once", ErrorOf([("a", 1)], "train"));
    }

    [Fact]
    public void A_file_in_two_parts_is_refused()
    {
        var file = Rows("a/train_test.jsonl", 1);
        Assert.Equal($"dataset_mixer: {file} is in two of its parts, expected every file in one source and split", ErrorOf([("a", 1), ("a/*.jsonl", 1)]));
    }

    [Fact]
    public void A_share_that_is_no_row_is_refused()
    {
        Rows("a.jsonl", 9);
        Assert.Equal($"dataset_mixer: 0.1 of the 9 rows of {_folder.PathOf("a.jsonl")} is less than one row, expected a larger share", ErrorOf([("a.jsonl", 0.1)]));
    }

    [Fact]
    public void A_name_of_the_hub_says_how_its_rows_come_here() =>
        Assert.Equal("HuggingFaceH4/ultrachat_200k: there is no such file or folder; rows are read from this machine, and a dataset of that name on the "
            + "Hugging Face Hub comes here by hf download HuggingFaceH4/ultrachat_200k --repo-type dataset --local-dir HuggingFaceH4/ultrachat_200k",
            Assert.Throws<UserErrorException>(() => DatasetMixer.Resolve(Options([("HuggingFaceH4/ultrachat_200k", 1)], "train_sft"))).Message);

    [Theory]
    [InlineData("dataset_splits: must name a split with \"train\" in it: the rows to train on", "test_sft")]
    [InlineData("dataset_splits: a name must have \"train\" or \"test\" in it (was validation)", "train", "validation")]
    [InlineData("dataset_splits: train is named twice", "train", "train")]
    public void Splits_that_say_neither_or_nothing_to_train_on_are_refused(string problem, params string[] splits) =>
        Assert.Equal(problem, Assert.Single(Options([("a", 1)], splits).Validate().Select(found => $"{found.Key}: {found.Message}")));

    [Fact]
    public void Held_out_rows_are_named_in_one_way()
    {
        var options = Options([("a", 1)], "train", "test");
        Assert.Equal("eval_dataset: cannot be combined with a test split: give one of them", Problem(options with { EvalDataset = ["b"] }));
        Assert.Equal("eval_fraction: cannot be combined with a test split: give one of them", Problem(options with { EvalFraction = 0.1 }));
        Assert.Equal("dataset_splits: belongs to dataset_mixer, which is not given", Problem(new DataOptions { Dataset = ["a"], DatasetSplits = ["train"] }));
        Assert.Empty((options with { DatasetSplits = ["train"], EvalDataset = ["b"] }).Validate());
    }

    private static string Problem(DataOptions options) => Assert.Single(options.Validate().Select(found => $"{found.Key}: {found.Message}"));

    private string Rows(string name, int count) =>
        _folder.Write(name, string.Concat(Enumerable.Range(0, count).Select(i => $$"""{"text": "{{Path.GetFileNameWithoutExtension(name)}} {{i}}"}""" + "\n")));

    private (IReadOnlyList<RowFile> Train, IReadOnlyList<string> Held) Resolve((string, double)[] sources, params string[] splits) =>
        DatasetMixer.Resolve(Options([.. sources.Select(source => (_folder.PathOf(source.Item1), source.Item2))], splits));

    private string ErrorOf((string, double)[] sources, params string[] splits) =>
        Assert.Throws<UserErrorException>(() => Resolve(sources, splits)).Message;

    private static DataOptions Options((string, double)[] sources, params string[] splits) =>
        new() { DatasetMixer = sources.ToDictionary(source => source.Item1, source => source.Item2), DatasetSplits = splits };

    private static IEnumerable<string?> Texts(IReadOnlyList<RowFile> files) =>
        ConversationSchema.Read(new RowSource(files, new(skip: false))).Select(row => row.Text);
}
