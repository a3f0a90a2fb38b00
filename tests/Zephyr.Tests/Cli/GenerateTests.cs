using System.Text;
using System.Text.Json;
using Zephyr.Cli;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Data.Text;

namespace Zephyr.Tests.Cli;

public sealed class GenerateTests : IDisposable
{
    private readonly TempFolder _folder = new();

    [Fact]
    public void The_raw_greedy_continuation_of_a_real_model_is_that_of_transformers()
    {
        var model = SharedFolder.PathOf("models/stories260k");
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(model, "golden.json")));
        foreach (var prompt in golden.RootElement.EnumerateObject())
        {
            var run = CliRun.Of("generate", "--model", model, "--prompt", prompt.Name, "--raw", "--temperature", "0", "--max_new_tokens", "120");
            Assert.Equal(new(0, prompt.Value.GetProperty("greedy_text").GetString() + "\n", ""), run);
        }
    }

    [Fact]
    public void Text_streams_in_whole_characters()
    {
        ChainModel.Write(_folder.Path, [Piece("▁a"), .. ChainModel.BytesOf("😀中é"), Piece("x"), 2]);
        var output = new Fragments();
        var code = Program.Run(["generate", "--model", _folder.Path, "--prompt", "a", "--raw", "--temperature", "0"],
            new CliConsole(output, new StringWriter()), TestContext.Current.CancellationToken);
        Assert.Equal(0, code);
        Assert.Equal(["a", "😀", "中", "é", "x"], output.Written.Where(text => text.Trim().Length > 0));
        Assert.Equal("a😀中éx\n", string.Concat(output.Written));
    }

    [Fact]
    public void A_character_that_never_ends_is_shown_as_what_it_is()
    {
        ChainModel.Write(_folder.Path, [Piece("▁a"), .. ChainModel.BytesOf("😀")[..3], 2]);
        Assert.Equal(new(0, "a\uFFFD\uFFFD\uFFFD\n", ""), Generate("--prompt", "a", "--raw", "--temperature", "0"));
    }

    [Fact]
    public void Without_raw_only_the_answer_is_written_and_the_prompt_goes_through_the_template()
    {
        // The template ends in a newline, a byte piece: the answer starts from there.
        ChainModel.Write(_folder.Path, [3 + '\n', Piece("▁ab"), Piece("c"), 2]);
        Assert.Equal(new(0, "abc\n", ""), Generate("--prompt", "b", "--temperature", "0"));
    }

    [Fact]
    public void Every_conversation_of_a_file_is_answered()
    {
        ChainModel.Write(_folder.Path, [3 + '\n', Piece("▁ab"), Piece("c"), 2]);
        var file = _folder.Write("chat.jsonl",
            """
            {"messages": [{"role": "user", "content": "a"}]}
            {"messages": [{"role": "system", "content": ""}, {"role": "user", "content": "b"}]}

            """);
        Assert.Equal(new(0, "abc\nabc\n", ""), Generate("--messages", file, "--temperature", "0"));
    }

    [Fact]
    public void The_same_seed_says_the_same_and_another_something_else()
    {
        ChainModel.Write(_folder.Path, 4, 5);
        string[] Sampled(string seed) =>
            ["--prompt", "a", "--raw", "--temperature", "3", "--top_p", "1", "--top_k", "0", "--max_new_tokens", "20", "--seed", seed];
        Assert.Equal(Generate(Sampled("1")), Generate(Sampled("1")));
        Assert.NotEqual(Generate(Sampled("1")).Output, Generate(Sampled("2")).Output);
    }

    [Fact]
    public void A_prompt_longer_than_the_model_is_refused()
    {
        ChainModel.Write(_folder.Path, 4, 5);
        var run = Generate("--prompt", new string('x', 70), "--raw");
        Assert.Equal(new(2, "", "zephyr: the prompt has 72 tokens, the model was made for 64 (max_position_embeddings)\n"), run with { Output = "" });
    }

    [Fact]
    public void An_empty_system_turn_goes_before_the_prompt_where_it_is_asked_for()
    {
        ChainModel.Write(_folder.Path, 4, 5);
        var text = new string('x', 70);
        var chat = _folder.Write("chat.jsonl", $$"""[{"role": "user", "content": "{{text}}"}]""" + "\n");
        foreach (var (options, system) in new (string[], string)[] { ([], ""), (["--auto_insert_empty_system_msg"], "<|system|>\n</s>\n") })
        {
            var tokens = TinyTokenizer.Create().Encode($"{system}<|user|>\n{text}</s>\n<|assistant|>\n", addBos: true).Length;
            foreach (var (prompt, where) in new (string[], string)[] { (["--prompt", text], ""), (["--messages", chat], $"{chat}, line 1: ") })
                Assert.Equal($"zephyr: {where}the prompt has {tokens} tokens, the model was made for 64 (max_position_embeddings)\n",
                    Generate([.. prompt, .. options]).Error);
        }
    }

    [Fact]
    public void A_folder_that_is_no_model_is_refused() =>
        Assert.Equal(
            new(2, "", $"zephyr: {_folder.Path}: there is no config.json; a model folder holds config.json, *.safetensors and tokenizer.model\n"),
            Generate("--prompt", "a"));

    public void Dispose() => _folder.Dispose();

    private CliRun Generate(params string[] options) => CliRun.Of(["generate", "--model", _folder.Path, .. options]);

    private static int Piece(string text)
    {
        var tokenizer = TinyTokenizer.Create();
        return Enumerable.Range(0, tokenizer.VocabularySize).Single(id => tokenizer.Piece(id) == text);
    }

    private sealed class Fragments : StringWriter
    {
        public Fragments() => NewLine = "\n";

        public List<string> Written { get; } = [];

        public override void Write(string? value) => Written.Add(value ?? "");

        public override void WriteLine(string? value) => Written.Add(value + "\n");

        public override Encoding Encoding => Encoding.UTF8;
    }
}
