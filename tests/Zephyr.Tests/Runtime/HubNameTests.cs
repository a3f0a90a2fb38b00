using Zephyr.Model;
using Zephyr.Runtime;

namespace Zephyr.Tests.Runtime;

/// <summary>A recipe's model is named as on the hub: who has not downloaded it is told how.</summary>
public class HubNameTests
{
    [Fact]
    public void A_model_that_is_only_on_the_hub_comes_with_the_command_that_brings_it() => Assert.Equal(
        "mistralai/Mistral-7B-v0.1: there is no such model folder; if it is a name on the Hugging Face hub, bring it here first: "
        + "hf download mistralai/Mistral-7B-v0.1 --local-dir mistralai/Mistral-7B-v0.1",
        Assert.Throws<UserErrorException>(() => MistralConfigFile.Read("mistralai/Mistral-7B-v0.1")).Message);

    [Theory]
    [InlineData("models/a/b")]
    [InlineData("/models/b")]
    [InlineData("./models/b")]
    [InlineData("../b")]
    [InlineData("b")]
    [InlineData("a/")]
    [InlineData("a/*.parquet")]
    public void A_path_of_another_form_does_not(string path) => Assert.Empty(HubName.Hint(path));

    [Fact]
    public void Rows_are_brought_as_a_data_set() => Assert.EndsWith(
        "hf download HuggingFaceH4/ultrachat_200k --repo-type dataset --local-dir HuggingFaceH4/ultrachat_200k",
        HubName.Hint("HuggingFaceH4/ultrachat_200k", isDataset: true));
}
