using System.Text.Json;
using System.Text.Json.Nodes;
using Zephyr.Data.Text;

namespace Zephyr.Tests.Data.Text;

public sealed class TokenizerFilesTests
{
    [Fact]
    public void The_fast_tokenizer_of_mistral_is_the_golden_one()
    {
        using var folder = new TemporaryFolder();
        var model = SharedFolder.PathOf("golden/tokenizer/mistral-7b-v0.1.tokenizer.model");
        TokenizerFiles.Write(folder.Path, MistralTokenizer.Load(model), 2048);
        var golden = JsonNode.Parse(File.ReadAllText(SharedFolder.PathOf("golden/tokenizer/mistral-7b-v0.1.tokenizer.json")));
        var written = JsonNode.Parse(File.ReadAllText(Path.Combine(folder.Path, "tokenizer.json")));
        Assert.Equal(58_980, written!["model"]!["merges"]!.AsArray().Count);
        Assert.True(JsonNode.DeepEquals(golden, written));
        Assert.Equal(File.ReadAllBytes(model), File.ReadAllBytes(Path.Combine(folder.Path, "tokenizer.model")));
    }

    [Fact]
    public void The_fast_tokenizer_of_stories260k_is_the_golden_one()
    {
        using var folder = new TemporaryFolder();
        var source = SharedFolder.PathOf("models/stories260k");
        TokenizerFiles.Write(folder.Path, MistralTokenizer.Load(source), 512);
        var golden = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "tokenizer.json")));
        Assert.True(JsonNode.DeepEquals(golden, JsonNode.Parse(File.ReadAllText(Path.Combine(folder.Path, "tokenizer.json")))));
    }

    [Fact]
    public void The_same_model_gives_the_same_bytes_and_a_folder_that_loads()
    {
        using var first = new TemporaryFolder();
        using var second = new TemporaryFolder();
        TokenizerFiles.Write(first.Path, TinyTokenizer.Create(), 64);
        TokenizerFiles.Write(second.Path, MistralTokenizer.Load(first.Path), 64);
        string[] files = ["special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json"];
        Assert.Equal(files, Directory.GetFiles(first.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (var file in files)
            Assert.Equal(File.ReadAllBytes(Path.Combine(first.Path, file)), File.ReadAllBytes(Path.Combine(second.Path, file)));
    }

    [Fact]
    public void The_configuration_says_how_the_tokenizer_is_meant()
    {
        using var folder = new TemporaryFolder();
        TokenizerFiles.Write(folder.Path, TinyTokenizer.Create(), 64);
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder.Path, "tokenizer_config.json")));
        string Text(string name) => config.RootElement.GetProperty(name).GetString()!;
        Assert.Equal(("<s>", "</s>", "<unk>"), (Text("bos_token"), Text("eos_token"), Text("unk_token")));
        Assert.Equal(("PreTrainedTokenizerFast", ZephyrTemplate.Jinja), (Text("tokenizer_class"), Text("chat_template")));
        Assert.Equal(64, config.RootElement.GetProperty("model_max_length").GetInt32());
        Assert.True(config.RootElement.GetProperty("add_bos_token").GetBoolean());
        Assert.False(config.RootElement.GetProperty("add_eos_token").GetBoolean());
        Assert.True(config.RootElement.GetProperty("legacy").GetBoolean());
    }
}
