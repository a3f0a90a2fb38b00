using Zephyr.Feedback.Judging;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback.Judging;

public sealed class RubricTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_out_reads_back_and_is_what_is_built_in()
    {
        var folder = _folder.PathOf("rubrics");
        var files = RubricSet.WriteDefaults(folder);
        Assert.Equal(["aspect_helpfulness.txt", "aspect_honesty.txt", "aspect_instruction_following.txt", "aspect_truthfulness.txt", "correction.txt", "grade.txt", "grade_reference.txt",
            "grade_second_turn.txt", "grade_second_turn_reference.txt", "overall.txt", "pairwise.txt"], files.Select(Path.GetFileName));
        var values = new Dictionary<string, string> { ["prompt"] = "P", ["answers"] = "A", ["code"] = "C", ["form"] = "F", ["count"] = "4" };
        Assert.Equal(RubricSet.Default.OfAspect("honesty").Render(values), RubricSet.Load(folder).OfAspect("honesty").Render(values));
        Assert.Equal(
            $"{files[0]}: is there already, expected a folder without rubrics: an edited one is not overwritten",
            Assert.Throws<UserErrorException>(() => RubricSet.WriteDefaults(folder)).Message);
    }

    [Fact]
    public void A_folder_may_hold_some_of_them_and_aspects_of_its_own()
    {
        _folder.Write("rubrics/aspect_wit.txt", "For you.\n=== user\nIs it funny? {{prompt}} {{ answers }} {{code}} {{form}}\n");
        var rubrics = RubricSet.Load(_folder.PathOf("rubrics"));
        Assert.Equal(["helpfulness", "honesty", "instruction_following", "truthfulness", "wit"], rubrics.Aspects);
        Assert.Equal([new("user", "Is it funny? {{form}} A C F")],
            rubrics.OfAspect("wit").Render(new Dictionary<string, string> { ["prompt"] = "{{form}}", ["answers"] = "A", ["code"] = "C", ["form"] = "F" }));
    }

    [Theory]
    [InlineData("aspect_wit.txt", "=== user\n{{prompt}} {{answers}} {{code}}\n{{from}} {{form}}", ", line 3: found the placeholder {{from}}, expected {{prompt}}, {{answers}}, {{code}}, {{form}} or {{count}}; the nearest is {{form}}")]
    [InlineData("aspect_wit.txt", "{{nothing}} is read up here\n=== user\n{{prompt}} {{answers}} {{code}}", ", line 2: found no {{form}} in the turns from here or before, expected each of {{prompt}}, {{answers}}, {{code}} and {{form}}")]
    [InlineData("overall.txt", "=== user\n{{prompt}} {{answer}} {{code}} {{form}\n", ", line 2: found {{ or }} that belong to no placeholder, expected {{prompt}}, {{answer}}, {{code}} or {{form}}")]
    [InlineData("overall.txt", "{{prompt}} {{answer}} {{code}} {{form}}\n", ": found no turn, expected one '=== user', with or without one '=== system' before it, each on a line of its own")]
    [InlineData("overall.txt", "=== user\n=== assistant\n", ": found the turns user, assistant, expected one '=== user', with or without one '=== system' before it, each on a line of its own")]
    [InlineData("overal.txt", "=== user\n", ": found a rubric of no known name, expected aspect_NAME.txt, correction.txt, grade.txt, grade_reference.txt, grade_second_turn.txt, grade_second_turn_reference.txt, overall.txt, pairwise.txt")]
    public void A_file_that_is_no_rubric_is_named_with_its_line(string name, string text, string problem)
    {
        var file = _folder.Write($"rubrics/{name}", text);
        Assert.Equal(file + problem, Assert.Throws<UserErrorException>(() => RubricSet.Load(_folder.PathOf("rubrics"))).Message);
    }

    [Fact]
    public void A_folder_that_is_none_is_named()
    {
        Assert.Equal($"rubrics {_folder.PathOf("none")}: there is no such folder, expected a folder of rubrics (*.txt)",
            Assert.Throws<UserErrorException>(() => RubricSet.Load(_folder.PathOf("none"))).Message);
        Directory.CreateDirectory(_folder.PathOf("empty"));
        Assert.StartsWith($"rubrics {_folder.PathOf("empty")}: found no .txt file, expected at least one rubric (aspect_helpfulness.txt, ",
            Assert.Throws<UserErrorException>(() => RubricSet.Load(_folder.PathOf("empty"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Repeating_a_question_or_its_form_says_nothing()
    {
        foreach (var form in new[] { AnswerForms.Ratings(1, RatingScale.Aspect), AnswerForms.Ratings(4, RatingScale.Aspect) })
            foreach (var count in new[] { 1, 4 }) Assert.Null(RatingsParser.Parse(form.Words, count, RatingScale.Aspect).Value);
        Assert.Equal("found no score, expected a number from 1 to 10", ScoreParser.Parse(AnswerForms.Score(RatingScale.Overall, "critique").Words, RatingScale.Overall).Problem);
        Assert.Equal("found no verdict, expected a verdict: A, B or tie", VerdictParser.Parse(AnswerForms.Verdict.Words).Problem);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(SharedFolder.RepositoryRoot, "src/Zephyr.Core/Feedback/Judging/DefaultRubrics")).Select(File.ReadAllText))
        {
            Assert.Null(RatingsParser.Parse(file, 1, RatingScale.Aspect).Value);
            Assert.Null(ScoreParser.Parse(file, RatingScale.Overall).Value);
            Assert.Null(VerdictParser.Parse(file).Value);
        }
    }
}
