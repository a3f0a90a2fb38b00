using Zephyr.Configuration;
using Zephyr.Feedback.Generation;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback.Generation;

/// <summary>Who answers, and after which principle.</summary>
public sealed class AnswerGeneratorTests : IDisposable
{
    private static readonly AnswerOptions Pool = new() { Models = ["a", "b", "c", "d", "e", "f"] };

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Four_different_models_answer_each_prompt_all_of_them_equally_often()
    {
        var requests = Many(Pool);
        Assert.All(requests, prompt => Assert.Equal(4, prompt.Select(request => request.Call.Model).Distinct().Count()));
        foreach (var model in requests.SelectMany(prompt => prompt).CountBy(request => request.Call.Model)) Assert.InRange(model.Value / 2000.0, 0.62, 0.71);
        // Their order says nothing.
        foreach (var first in requests.CountBy(prompt => prompt[0].Call.Model)) Assert.InRange(first.Value / 2000.0, 0.13, 0.20);
        Assert.Equal(8000, requests.SelectMany(prompt => prompt).Select(request => request.Call.Purpose).Distinct().Count());
        Assert.True(requests.SelectMany(prompt => prompt).Select(request => request.Call.Options.Seed).Distinct().Count() > 7990);
    }

    [Fact]
    public void Where_there_are_fewer_models_they_answer_again_with_other_draws()
    {
        var requests = new AnswerGenerator(Pool with { Models = ["a", "b", "c"] }, PrincipleSet.Default, 42).Requests("Q");
        Assert.Equal(3, requests.Take(3).Select(request => request.Call.Model).Distinct().Count());
        Assert.Equal(4, requests.Select(request => request.Call.Options.Seed).Distinct().Count());
    }

    [Fact]
    public void Principles_are_drawn_as_the_mix_says()
    {
        var drawn = Many(Pool with { PrincipleMix = new Dictionary<string, double> { ["helpfulness"] = 3, ["honesty"] = 1, ["truthfulness"] = 0 } }).SelectMany(prompt => prompt).ToList();
        Assert.Equal(["helpfulness", "honesty"], drawn.Select(request => request.Principle).Distinct().Order());
        Assert.InRange(drawn.Count(request => request.Principle == "honesty") / 8000.0, 0.23, 0.27);
        Assert.All(drawn, request => Assert.Contains(request.SystemPrompt, PrincipleSet.Default[request.Principle]));
        Assert.Equal(PrincipleSet.Default["helpfulness"].Order(), drawn.Where(request => request.Principle == "helpfulness").Select(request => request.SystemPrompt).Distinct().Order());
        Assert.All(drawn, request => Assert.Equal(["system", "user"], request.Call.Messages.Select(turn => turn.Role)));
        Assert.All(new AnswerGenerator(Pool with { PrincipleMix = new Dictionary<string, double>() }, PrincipleSet.Default, 42).Requests("Q"),
            request => Assert.Equal(["user"], request.Call.Messages.Select(turn => turn.Role)));
    }

    [Fact]
    public void What_is_asked_depends_on_seed_and_prompt_alone()
    {
        static IEnumerable<string> Asked(long seed, string prompt) => new AnswerGenerator(Pool, PrincipleSet.Default, seed).Requests(prompt)
            .Select(request => $"{request.Call.Purpose} {request.Call.Model} {request.SystemPrompt} {request.Call.Options}");
        Assert.Equal(Asked(1, "Q"), Asked(1, "Q"));
        Assert.NotEqual(Asked(1, "Q"), Asked(2, "Q"));
        Assert.NotEqual(Asked(1, "Q"), Asked(1, "R"));
        Assert.Empty(Asked(1, "  \n"));
    }

    [Fact]
    public void A_folder_of_principles_replaces_and_adds()
    {
        var folder = Path.GetDirectoryName(_folder.Write("principles/honesty.txt", "# ours\nBe honest.\n\n  Say so.  \n"))!;
        _folder.Write("principles/brevity.txt", "Be brief.");
        var set = PrincipleSet.Load(folder);
        Assert.Equal(["brevity", "helpfulness", "honesty", "truthfulness", "verbalized_calibration"], set.Names);
        Assert.Equal(["Be honest.", "Say so."], set["honesty"]);
        Assert.Equal(PrincipleSet.Default["helpfulness"], set["helpfulness"]);
        Assert.Equal($"principle_mix: there is no principle wit in {folder}, expected brevity, helpfulness, honesty, truthfulness, verbalized_calibration, or the key 'principles' to name a folder with wit.txt",
            Assert.Throws<UserErrorException>(() => new AnswerGenerator(Pool with { PrincipleMix = new Dictionary<string, double> { ["wit"] = 1 } }, set, 1)).Message);
        _folder.Write("principles/empty.txt", "# nothing\n");
        Assert.Equal($"{Path.Combine(folder, "empty.txt")}: found no system prompt, expected at least one line", Assert.Throws<UserErrorException>(() => PrincipleSet.Load(folder)).Message);
    }

    [Fact]
    public void The_built_in_principles_can_be_written_out_and_read_back()
    {
        var files = PrincipleSet.WriteDefaults(_folder.PathOf("mine"));
        Assert.Equal(["helpfulness.txt", "honesty.txt", "truthfulness.txt", "verbalized_calibration.txt"], files.Select(Path.GetFileName));
        var read = PrincipleSet.Load(_folder.PathOf("mine"));
        Assert.All(PrincipleSet.Default.Names, name => Assert.Equal(PrincipleSet.Default[name], read[name]));
        Assert.EndsWith("is there already, expected a folder without principles: an edited one is not overwritten", Assert.Throws<UserErrorException>(() => PrincipleSet.WriteDefaults(_folder.PathOf("mine"))).Message);
    }

    private static List<IReadOnlyList<AnswerRequest>> Many(AnswerOptions options)
    {
        var generator = new AnswerGenerator(options, PrincipleSet.Default, 42);
        return [.. Enumerable.Range(0, 2000).Select(i => generator.Requests($"prompt {i}"))];
    }
}
