using Zephyr.Data.Cleaning;

namespace Zephyr.Tests.Data.Cleaning;

public class DisclaimersTests
{
    [Theory]
    [InlineData("As an AI language model, I don't have personal experiences, but many people say so.")]
    [InlineData("I do not have feelings or emotions, but I can help.")]
    [InlineData("Great question! I don't have an opinion on that.")]
    [InlineData("I am just an AI and cannot feel emotions. Here is the answer.")]
    [InlineData("As a language model, I am not capable of having personal opinions.")]
    [InlineData("I’m an AI, so I don’t have personal preferences or beliefs.")]
    [InlineData("I lack the ability to feel emotions.")]
    [InlineData("As an AI, I have no consciousness.")]
    [InlineData("It is not possible for me to have subjective experiences.")]
    [InlineData("I don't have the ability to form opinions.")]
    [InlineData("I don't have personal thoughts.")]
    public void An_answer_that_says_so_of_itself_is_found(string answer) => Assert.NotNull(Disclaimers.Find(answer, anywhere: false));

    [Theory]
    [InlineData("I don't have access to your opinions, but here is a list.")]
    [InlineData("People often don't have strong feelings about it.")]
    [InlineData("Although I do not have experience in sales, I learn quickly.")]
    [InlineData("I have no idea, but the experience of others helps.")]
    [InlineData("Here is a poem about feelings. I hope you like it.")]
    [InlineData("I do not recommend it. Your feelings matter.")]
    [InlineData("")]
    public void Other_answers_are_not(string answer) => Assert.Null(Disclaimers.Find(answer, anywhere: true));

    [Fact]
    public void A_preface_is_the_first_two_sentences()
    {
        const string Late = "It was built in 1889. It is 330 metres tall. As an AI, I don't have personal experiences of it.";
        Assert.Null(Disclaimers.Find(Late, anywhere: false));
        Assert.Equal("AI, I don't have personal experiences", Disclaimers.Find(Late, anywhere: true));
    }
}
