using Zephyr.Data;
using Zephyr.Data.Cleaning;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Data.Cleaning;

public sealed class ContaminationIndexTests : IDisposable
{
    private const string Question = "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Solve this:\n\na robe   takes 2 bolts of BLUE fiber, and half that much white fiber; how many?", true)]
    [InlineData("A robe takes 2 bolts of blue fiber and some more. White fiber is another matter.", false)]
    [InlineData("How many bolts in total does it take?", false)]
    [InlineData("", false)]
    public void Thirteen_words_in_a_row_are_found_whatever_stands_between_them(string text, bool found) =>
        Assert.Equal(found, Index(13, Question).Find(text) is not null);

    /// <summary>The definition, checked the slow way: every n words of one in every n words of the other.</summary>
    [Fact]
    public void A_passage_is_found_exactly_where_n_words_in_a_row_are_shared()
    {
        string[] words = ["a", "b", "c"];
        var random = new Zephyr.Runtime.SeededRandom(7);
        string Text(int length) => string.Join(' ', Enumerable.Range(0, length).Select(_ => words[random.NextInt(words.Length)]));
        for (var i = 0; i < 300; i++)
        {
            var (evaluation, text) = (Text(12), Text(20));
            var shared = Enumerable.Range(0, 12 - 8).Any(start => $" {text} ".Contains($" {string.Join(' ', evaluation.Split(' ')[start..(start + 9)])} ", StringComparison.Ordinal));
            Assert.Equal(shared, Index(9, evaluation).Find(text) is not null);
        }
    }

    [Theory]
    [InlineData("What is the capital of France?", "what is the capital of france", true)]
    [InlineData("What is the capital of France?", "Tell me: what is the capital of France?", false)]
    [InlineData("Name three rivers that flow through the city of Paris.", "Please name three rivers that flow through the city of Paris. Thanks!", true)]
    [InlineData("...", "...", false)]
    public void A_short_text_is_found_whole_and_a_very_short_one_only_by_itself(string evaluation, string text, bool found) =>
        Assert.Equal(found, Index(13, evaluation).Find(text) is not null);

    [Fact]
    public void Letters_of_all_scripts_are_words()
    {
        Assert.Equal(WordNgrams.WordsOf("STRASSE Ünal été"), WordNgrams.WordsOf("strasse, ünal - Été!"));
        Assert.Equal(5, WordNgrams.WordsOf("北京在哪里").Length);
        Assert.Equal(2, WordNgrams.WordsOf("привет мир").Length);
        Assert.NotNull(Index(13, "请用中文写一首关于春天的诗歌并解释").Find("你好，请用中文写一首关于春天的诗歌并解释。"));
    }

    [Fact]
    public void The_text_that_was_found_is_named()
    {
        var index = Index(13, "Something else that has quite a number of words in it, thirteen at least.", Question);
        Assert.Equal(("eval.jsonl, line 2", "question"), (index.Find(Question) is { } found ? ($"{found.Location}", found.Field) : default));
        Assert.Equal(2, index.Count);
    }

    [Fact]
    public void Evaluation_sets_are_read_by_the_columns_that_they_have()
    {
        var file = _folder.Write("eval.jsonl", """
            {"question_id": 1, "category": "math", "turns": ["One?", "Two?"]}
            {"task_id": "HumanEval/0", "prompt": "def f():", "canonical_solution": "    return 1", "test": "assert"}
            {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Three?"}]}
            """);
        Assert.Equal(["One?", "Two?", "def f():", "    return 1", "Three?"], EvaluationFile.Read([file], []).Select(text => text.Text));
        Assert.Equal(["turns[0]", "turns[1]", "prompt", "canonical_solution", "messages[1]"], EvaluationFile.Read([file], []).Select(text => text.Field));
        var other = _folder.Write("other.jsonl", """{"aufgabe": "Vier?", "n": 3}""");
        Assert.Equal(["Vier?"], EvaluationFile.Read([other], ["aufgabe"]).Select(text => text.Text));
        Assert.Equal(
            $"{other}, line 1: found the columns aufgabe, n, expected an evaluation text in turns, instruction, prompt, question, problem, query, canonical_solution, messages; "
            + "name its columns with decontaminate_fields",
            Assert.Throws<BadRowException>(() => EvaluationFile.Read([other], []).ToList()).Message);
        Assert.Equal($"{other}, line 1, field 'n': found the number 3, expected a text, a list of texts, or messages",
            Assert.Throws<BadRowException>(() => EvaluationFile.Read([other], ["n"]).ToList()).Message);
    }

    private static ContaminationIndex Index(int n, params string[] texts)
    {
        var index = new ContaminationIndex(n);
        for (var i = 0; i < texts.Length; i++) index.Add(new(new("eval.jsonl", i + 1, IsLine: true), "question", texts[i]));
        return index;
    }
}
