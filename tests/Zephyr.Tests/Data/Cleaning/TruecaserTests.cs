using Zephyr.Data.Cleaning;

namespace Zephyr.Tests.Data.Cleaning;

public class TruecaserTests
{
    /// <summary>A corpus in small: what it writes how is what the tests rest on.</summary>
    private static readonly CasingStatistics Corpus = Statistics(
        [.. "the of to is a what best way in cook rice at home and it with for that this you can me tell about more please how does work my from".Split(' ').Select(word => (word, 400, 0, 0))],
        [("paris", 1, 60, 0), ("nasa", 0, 1, 80), ("i", 2, 90, 0), ("i'm", 0, 40, 0), ("iphone", 0, 0, 0), ("batman", 0, 12, 0), ("march", 20, 20, 0)]);

    [Theory]
    [InlineData("Hello. how are you today?", "Hello. How are you today?", CasingFault.SentenceStart)]
    [InlineData("can you tell me more about NASA?", "Can you tell me more about NASA?", CasingFault.SentenceStart)]
    [InlineData("Really?! what a day it was.", "Really?! What a day it was.", CasingFault.SentenceStart)]
    [InlineData("It ended in 2019. the town grew.", "It ended in 2019. The town grew.", CasingFault.SentenceStart)]
    [InlineData("He left. \"we stay\", she said.", "He left. \"We stay\", she said.", CasingFault.SentenceStart)]
    [InlineData("can you tell me about paris in march?", "Can you tell me about Paris in march?", CasingFault.AllLower)]
    [InlineData("nasa is at work. what does it do?", "NASA is at work. What does it do?", CasingFault.AllLower)]
    [InlineData("what can i do at home with my iphone", "What can I do at home with my iphone", CasingFault.AllLower)]
    [InlineData("WHAT IS THE BEST WAY TO COOK RICE IN PARIS?", "What is the best way to cook rice in Paris?", CasingFault.AllUpper)]
    [InlineData("What Is The Best Way To Cook Rice At Home?", "What is the best way to cook rice at home?", CasingFault.AllTitle)]
    [InlineData("Tell me more About the way To cook rice.", "Tell me more about the way to cook rice.", CasingFault.MidSentence)]
    [InlineData("Yesterday i think it was good. That was all i'm sure it was.", "Yesterday I think it was good. That was all I'm sure it was.", CasingFault.Pronoun)]
    [InlineData("Élan. élan vital. ça va bien.", "Élan. Élan vital. Ça va bien.", CasingFault.SentenceStart)]
    [InlineData("Привет. как дела сегодня?", "Привет. Как дела сегодня?", CasingFault.SentenceStart)]
    public void Wrong_casing_is_put_right(string wrong, string right, CasingFault fault)
    {
        Assert.Equal((right, fault), new Truecaser(Corpus).Apply(wrong));
        Assert.Equal((right, CasingFault.None), new Truecaser(Corpus).Apply(right));
    }

    [Theory]
    [InlineData("Hello. How are you today?")]
    [InlineData("positive")]
    [InlineData("apples and pears")]
    [InlineData("\"Stop!\" he said, and she went on.")]
    [InlineData("Well... maybe it was so. It may be.")]
    [InlineData("See e.g. the page of Dr. jones, i.e. the first, etc. and so on.")]
    [InlineData("U.S. exports rose. See https://example.org/a. and then example.com.")]
    [InlineData("Run this:\n```\nprint(a). b = c. d\n```\nIt works.")]
    [InlineData("Use `foo. bar baz` for that. It is good.")]
    [InlineData("let x = 5; return x.\nfoo(bar). baz();")]
    [InlineData("Steps:\n1. open the box\n2. close it\n- and so on")]
    [InlineData("Where n! is the factorial. It grows.")]
    [InlineData("a. knee flexion\nb. knee extension. It hurts.")]
    [InlineData("The film It was long, and so was the day.")]
    [InlineData("Gone with the Wind")]
    [InlineData("The Best Way To Cook Rice At Home")]
    [InlineData("NASA ESA JAXA ISRO CNSA")]
    [InlineData("The sum of x_i. of all i and j, node i is first. It is so.")]
    [InlineData("Ağaç yeşil. istanbul ve ızgara güzel.")]
    [InlineData("他说。hello 世界。")]
    [InlineData("ßeta. ßtraße is no word. 𐐨𐐩. 𐐨𐐩𐐪 neither.")]
    [InlineData("")]
    public void What_is_right_or_may_be_is_left(string text) => Assert.Equal((text, CasingFault.None), new Truecaser(Corpus).Apply(text));

    /// <summary>What "etc." does is the corpus' own knowledge: a name with a mark in it is learnt the same way.</summary>
    [Fact]
    public void What_the_corpus_goes_on_after_in_lower_case_ends_no_sentence()
    {
        const string Text = "Look at yahoo! for more of this.";
        Assert.Equal("Look at yahoo! For more of this.", new Truecaser(Corpus).Apply(Text).Text);
        var statistics = Statistics([("the", 400, 0, 0)], []);
        for (var i = 0; i < 5; i++) statistics.Add(TurnCasing.Of("We went to yahoo! for the news of this day, and it was good for all of us."));
        Assert.Equal(Text, new Truecaser(statistics).Apply(Text).Text);
    }

    [Fact]
    public void Applying_it_again_changes_nothing()
    {
        string[] pieces = ["the", "The", "THE", "paris", "Paris", "nasa", "NASA", "i", "I", "i'm", "iPhone", "March", "é", "ß", "İ", "x_1", "5", "2.", "e.g.", "https://a.b/C.",
            ".", "?", "!", "...", ",", ":", ";", "\n", "\n\n", "```", "`", "\"", "(", ")", "-", "What", "IS", "is", "Way", "TO", "to", "Cook", "RICE", "rice", "a.", "About", "You", "you"];
        var random = new Zephyr.Runtime.SeededRandom(11);
        var truecaser = new Truecaser(Corpus);
        var changed = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.NextInt(30)).Select(_ => pieces[random.NextInt(pieces.Length)] + (random.NextInt(5) > 0 ? " " : "")));
            var (once, found) = truecaser.Apply(text);
            Assert.Equal((once, CasingFault.None), truecaser.Apply(once));
            Assert.Equal(text.ToUpperInvariant(), once.ToUpperInvariant());
            Assert.Equal(found != CasingFault.None, once != text);
            if (once != text) changed++;
        }
        Assert.InRange(changed, 1000, 19_000);
    }

    [Fact]
    public void Statistics_come_from_turns_that_can_be_trusted()
    {
        Assert.True(TurnCasing.Of("We met in Paris. It was the best day of my life, and it was long.").IsTrusted);
        Assert.False(TurnCasing.Of("we met in paris. it was the best day of my life, and it was long.").IsTrusted);
        Assert.False(TurnCasing.Of("We Met In Paris. It Was The Best Day Of My Life, And It Was Long.").IsTrusted);
        Assert.False(TurnCasing.Of("We met in Paris.").IsTrusted);
        var inside = TurnCasing.Of("We met in Paris. It was the best day of my life, and it was long.").Inside;
        Assert.Contains(("paris", CaseForm.Title), inside);
        Assert.DoesNotContain(inside, word => word.Word is "we" or "It");
    }

    [Fact]
    public void Memory_is_bounded_and_frequent_words_survive()
    {
        var statistics = new CasingStatistics(most: 100);
        for (var i = 0; i < 2000; i++)
        {
            var rare = string.Concat($"{i}".Select(digit => (char)('a' + digit - '0')));
            statistics.Add(TurnCasing.Of($"The word is x{rare} no q{rare} and so on for all of us and the rest."));
        }
        Assert.InRange(statistics.Words.Count, 10, 100);
        Assert.Equal(2000, statistics.Of("and").Lower / 2);
        Assert.InRange(statistics.Forgotten, 1, 10);
    }

    [Fact]
    public void Statistics_survive_their_file()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            File.WriteAllText(path, CasingFile.Write(Corpus));
            var read = CasingFile.Read(path);
            foreach (var text in new[] { "can you tell me about paris in march?", "WHAT IS THE BEST WAY TO COOK RICE IN PARIS?", "Tell me more About the way To cook rice." })
                Assert.Equal(new Truecaser(Corpus).Apply(text), new Truecaser(read).Apply(text));
            Assert.Equal(File.ReadAllText(path), CasingFile.Write(read));
            File.WriteAllText(path, "the\t1\t2\tx\t4\n");
            Assert.Equal($"{path}, line 1: found \"the\t1\t2\tx\t4\", expected a word and four counts, or a sentence's end and two, with tabs between them",
                Assert.Throws<Zephyr.Runtime.UserErrorException>(() => CasingFile.Read(path)).Message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static CasingStatistics Statistics((string Word, int Lower, int Title, int Upper)[] words, (string Word, int Lower, int Title, int Upper)[] more)
    {
        var statistics = new CasingStatistics();
        foreach (var (word, lower, title, upper) in words.Concat(more)) statistics.Set(word, new CaseCounts(lower, title, upper, word == "iphone" ? 30 : 0));
        return statistics;
    }
}
