using Zephyr.Data.Batches;
using Zephyr.Model;
using Zephyr.Model.Generation;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Generation;

public class TextGeneratorTests
{
    /// <summary>No token has this id: the answer goes on as long as it may.</summary>
    private const int Never = 1000;

    private static readonly SamplingOptions Greedy = new(Temperature: 0, MaxNewTokens: 20);

    [Theory]
    [InlineData(null, 5)]
    [InlineData(8, 3)]
    [InlineData(8, 7)]
    [InlineData(8, 8)]
    [InlineData(8, 9)]
    [InlineData(8, 30)]
    [InlineData(1, 5)]
    public void The_cache_changes_no_token(int? window, int promptLength)
    {
        using var model = TinyModel.Create(TinyModel.Config with { SlidingWindow = window, EosTokenId = Never });
        var prompt = Prompt(promptLength);
        Assert.Equal(WithoutCache(model, prompt, 20), new TextGenerator(model).Generate(prompt, Greedy));
    }

    /// <summary>A prompt in one piece, token by token, and in pieces that cross the window's border: one model.</summary>
    [Theory]
    [InlineData(null, new[] { 12, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 })]
    [InlineData(8, new[] { 12, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 })]
    [InlineData(8, new[] { 7, 1, 1, 4, 9 })]
    [InlineData(8, new[] { 8, 8, 6 })]
    [InlineData(8, new[] { 1, 3, 5, 13 })]
    [InlineData(null, new[] { 5, 1, 9, 7 })]
    [InlineData(1, new[] { 3, 1, 18 })]
    public void Pieces_through_the_cache_give_the_hidden_states_of_the_whole(int? window, int[] pieces)
    {
        using var model = TinyModel.Create(TinyModel.Config with { SlidingWindow = window });
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var ids = Prompt(pieces.Sum());
        using var cache = new KeyValueCache(model.Config, ids.Length, ScalarType.Float32, CPU);
        var expected_TD = model.HiddenStates(RaggedBatch.Of(ids));
        foreach (var count in pieces)
        {
            var start = cache.Length;
            var hidden = model.HiddenStates(ids[start..(start + count)], [.. Enumerable.Range(start, count)], cache);
            cache.Length += count;
            Golden.Near.Equal(expected_TD.narrow(0, start, count), hidden, 1e-5, $"rows {start} to {start + count}");
        }
    }

    [Fact]
    public void The_end_token_ends_the_answer_and_is_not_part_of_it()
    {
        using var model = TinyModel.Create(TinyModel.Config with { EosTokenId = Never });
        var tokens = WithoutCache(model, Prompt(5), 20);
        var end = tokens[6];
        // The same weights, but now the token that comes seventh (or sooner) means the end.
        var ending = new MistralForCausalLM(model.Config with { EosTokenId = end }, model.Parameters);
        Assert.Equal(tokens.TakeWhile(id => id != end), new TextGenerator(ending).Generate(Prompt(5), Greedy));
    }

    [Fact]
    public void No_token_stands_beyond_the_positions_the_model_was_made_for()
    {
        using var model = TinyModel.Create(TinyModel.Config with { EosTokenId = Never, MaxPositionEmbeddings = 10 });
        Assert.Equal(3, new TextGenerator(model).Generate(Prompt(7), Greedy).Count());
        Assert.Single(new TextGenerator(model).Generate(Prompt(9), Greedy with { MaxNewTokens = int.MaxValue }));
        var error = Assert.Throws<UserErrorException>(() => new TextGenerator(model).Generate(Prompt(10), Greedy).ToList());
        Assert.Equal("the prompt has 10 tokens, the model was made for 10 (max_position_embeddings)", error.Message);
    }

    [Fact]
    public void A_prompt_of_another_tokenizer_is_refused()
    {
        using var model = TinyModel.Create();
        var error = Assert.Throws<UserErrorException>(() => new TextGenerator(model).Generate([1, 40], Greedy).ToList());
        Assert.Equal("the prompt holds the token id 40, the model knows ids under 40 (vocab_size); its tokenizer is not the one it was made with", error.Message);
    }

    [Fact]
    public void A_bf16_model_generates()
    {
        using var full = TinyModel.Create(TinyModel.Config with { EosTokenId = Never });
        var halves = new ParameterSet();
        foreach (var (name, weight) in full.Parameters.All) halves.Add(name, weight.detach().to_type(ScalarType.BFloat16));
        using var model = new MistralForCausalLM(full.Config, halves);
        Assert.Equal(20, new TextGenerator(model).Generate(Prompt(5), Greedy).Count());
    }

    [Theory]
    [InlineData(null, 0.0)]
    [InlineData(8, 1.0)]
    public void Nothing_is_left_behind_however_many_tokens_are_taken(int? window, double temperature)
    {
        using var model = TinyModel.Create(TinyModel.Config with { SlidingWindow = window, EosTokenId = Never });
        var generator = new TextGenerator(model);
        var options = Greedy with { Temperature = temperature, MaxNewTokens = 50 };
        Assert.Equal(5, generator.Generate(Prompt(9), options).Take(5).Count());
        var live = Live();
        _ = generator.Generate(Prompt(9), options).Take(5).Count();
        Assert.Equal(live, Live());
        _ = generator.Generate(Prompt(9), options).Count();
        Assert.Equal(live, Live());
        _ = generator.Generate(Prompt(9), options with { MaxNewTokens = 5 }).Count();
        Assert.Equal(live, Live());
    }

    private static long Live() => TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;

    private static int[] Prompt(int length) => [1, .. Enumerable.Range(1, length - 1).Select(i => 3 + i * 7 % 36)];

    /// <summary>Greedy, with the whole text through the model for every token.</summary>
    private static List<int> WithoutCache(MistralForCausalLM model, int[] prompt, int count)
    {
        using var noGradient = no_grad();
        List<int> ids = [.. prompt];
        while (ids.Count < prompt.Length + count)
        {
            using var scope = NewDisposeScope();
            ids.Add((int)model.Logits(model.HiddenStates(RaggedBatch.Of([.. ids]))[-1]).argmax().item<long>());
        }
        return ids[prompt.Length..];
    }
}
