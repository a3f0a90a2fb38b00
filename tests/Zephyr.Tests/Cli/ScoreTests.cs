using System.Text.Json;
using Zephyr.Cli;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Golden;

namespace Zephyr.Tests.Cli;

public sealed class ScoreTests : IDisposable
{
    private static readonly string Models = Path.Combine(SharedFolder.RepositoryRoot, "tests/Zephyr.Tests/Golden/model/sw8");
    private static readonly JsonElement Pairs = GoldenModel.Inputs.GetProperty("pairs").GetProperty("examples");

    private readonly TempFolder _folder = new();

    [Theory]
    [InlineData("policy", "chosen")]
    [InlineData("policy", "rejected")]
    [InlineData("ref", "chosen")]
    [InlineData("ref", "rejected")]
    public void Log_probabilities_of_pairs_are_those_of_transformers(string model, string side)
    {
        using var golden = new GoldenModel("sw8");
        var expected = GoldenModel.Doubles(golden.Numbers.GetProperty("dpo").GetProperty($"{model}_{side}_logps"));
        var run = CliRun.Of("score", "--model", Path.Combine(Models, model), "--ids", Rows(side), "--json");
        Assert.Equal((0, ""), (run.Code, run.Error));
        var scores = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(expected.Length, scores.GetArrayLength());
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(["sum_logp", "tokens"], scores[i].EnumerateObject().Select(property => property.Name));
            Near.Equal(expected[i], scores[i].GetProperty("sum_logp").GetDouble(), 1e-5, $"row {i}");
            Assert.Equal(Pairs[i].GetProperty($"{side}_ids").GetArrayLength(), scores[i].GetProperty("tokens").GetInt32());
        }
    }

    [Fact]
    public void The_table_has_a_line_for_every_row()
    {
        var run = CliRun.Of("score", "--model", Path.Combine(Models, "policy"), "--ids", Rows("chosen"));
        var lines = run.Output.Split('\n')
            .Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))).Where(line => line.Length > 0).ToList();
        Assert.Equal("row sum_logp tokens", lines[0]);
        Assert.Equal(["1 -72.1665 10", "2 -60.6781 9"], lines[2..4]);
    }

    [Fact]
    public void A_row_that_the_model_cannot_read_is_named()
    {
        var file = _folder.Write("ids.jsonl", "{\"prompt_ids\": [1], \"completion_ids\": [5]}\n{\"prompt_ids\": [1, 2], \"completion_ids\": [3, 320]}\n");
        var run = CliRun.Of("score", "--model", Path.Combine(Models, "policy"), "--ids", file, "--json");
        Assert.Equal(new(2, "", $"zephyr: {file}, line 2, field 'completion_ids': found 320, expected token ids under the vocabulary size 320\n"), run);
    }

    [Theory]
    [InlineData("1.0", ", field 'completion_ids[0]': found the number 1.0, expected a token id, a whole number from 0 without a decimal point")]
    [InlineData("5, 5, 5", ": found 129 token ids, expected prompt and completion of at most 128 together (the model's max_position_embeddings)")]
    public void A_row_that_is_no_row_for_the_model_is_named(string completion, string expected)
    {
        var prompt = string.Join(", ", Enumerable.Repeat(1, 126));
        var file = _folder.Write("ids.jsonl", $$"""{"prompt_ids": [{{prompt}}], "completion_ids": [{{completion}}]}""" + "\n");
        var run = CliRun.Of("score", "--model", Path.Combine(Models, "policy"), "--ids", file, "--json");
        Assert.Equal(new(2, "", $"zephyr: {file}, line 1{expected}\n"), run);
    }

    [Fact]
    public void A_signal_stops_between_two_rows()
    {
        using var source = new CancellationTokenSource();
        using StringWriter output = new(), error = new() { NewLine = "\n" };
        source.Cancel();
        var code = Program.Run(["score", "--model", Path.Combine(Models, "policy"), "--ids", Rows("chosen")], new CliConsole(output, error), source.Token);
        Assert.Equal((130, "zephyr: interrupted\n", ""), (code, error.ToString(), output.ToString()));
    }

    [Fact]
    public void Scoring_leaves_no_tensor_behind()
    {
        CliRun.Of("score", "--model", Path.Combine(Models, "policy"), "--ids", Rows("chosen"));
        var live = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        CliRun.Of("score", "--model", Path.Combine(Models, "policy"), "--ids", Rows("chosen"));
        Assert.Equal(live, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    public void Dispose() => _folder.Dispose();

    private string Rows(string side) => _folder.Write($"{side}.jsonl", string.Concat(Pairs.EnumerateArray().Select(pair =>
        $$"""{"prompt_ids": {{pair.GetProperty("prompt_ids").GetRawText()}}, "completion_ids": {{pair.GetProperty($"{side}_ids").GetRawText()}}}""" + "\n")));
}
