using Zephyr.Configuration;
using Zephyr.Data.Sources;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;
using Zephyr.Training;

namespace Zephyr.Tests.Pipeline;

/// <summary>What the embedded sets promise. .ci/run holds the demo's figures to theirs.</summary>
public sealed class DemoDataTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_dialogues_are_many_and_no_question_stands_on_both_sides()
    {
        string[] Questions(string name) => [.. ConversationSchema.Read([Write(name)]).Select(row => Normalise(row.Messages[0].Content))];
        var (train, held) = (Questions("dialogues_train.jsonl"), Questions("dialogues_test.jsonl"));
        Assert.True(train.Length >= 500);
        Assert.Equal(train.Length + held.Length, train.Concat(held).Distinct().Count());
        var asked = FeedbackSchema.Read([Write("feedback.jsonl")]).Select(row => Normalise(row.Prompt)).ToList();
        Assert.Equal(asked.Count, asked.Distinct().Count());
        Assert.Empty(asked.Intersect(train));
    }

    [Fact]
    public void Answers_are_no_slot_filled_templates()
    {
        // Word for word, no two answers share their first six words.
        var openings = ConversationSchema.Read([Write("dialogues_train.jsonl")]).SelectMany(row => row.Messages.Where(turn => turn.Role == "assistant"))
            .Select(turn => string.Join(' ', Normalise(turn.Content).Split(' ').Take(6))).ToList();
        Assert.True(openings.Distinct().Count() >= 0.97 * openings.Count, $"{openings.Count - openings.Distinct().Count()} of {openings.Count} openings stand twice");
    }

    [Theory]
    [InlineData(42)]
    [InlineData(1)]
    [InlineData(2)]
    public void Length_does_not_tell_the_better_answer(long seed)
    {
        var audit = AiFeedback.Run(new(new AifConfig
        {
            Source = new() { Feedback = [Write("feedback.jsonl")] },
            Run = new() { OutputDir = _folder.PathOf($"aif-{seed}"), Seed = seed },
        }, []), TestContext.Current.CancellationToken).Audit;
        Assert.InRange(audit.Length.LongerShare, 0.45, 0.55);
        Assert.True(audit.Pairs >= 250);
    }

    [Fact]
    public void A_folder_with_runs_that_are_no_demos_is_left_alone()
    {
        var weights = _folder.Write("sft/model.safetensors", "precious");
        var error = Assert.Throws<UserErrorException>(() => Demo.Run(_folder.Path, 42, SilentObserver.Instance, TestContext.Current.CancellationToken));
        Assert.Equal($"output_dir: {_folder.Path} holds sft, which is no demo's (demo.json is missing); expected another folder, or an earlier demo's", error.Message);
        Assert.Equal("precious", File.ReadAllText(weights));
    }

    private string Write(string resource)
    {
        using var stream = typeof(Demo).Assembly.GetManifestResourceStream($"demo/{resource}")!;
        using var reader = new StreamReader(stream);
        return _folder.Write(resource, reader.ReadToEnd());
    }

    private static string Normalise(string text) => string.Join(' ', text.ToLowerInvariant().Split([' ', ',', '.', '?', '!', '\n'], StringSplitOptions.RemoveEmptyEntries));
}
