using Zephyr.Model;
using Zephyr.Model.Generation;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Generation;

/// <summary>Log-probabilities are compared to the last bit: they tell more than tokens do.</summary>
public class BatchGeneratorTests
{
    /// <summary>No token has this id: the answer goes on as long as it may.</summary>
    private const int Never = 1000;

    private static readonly MistralConfig Long = TinyModel.Config with { EosTokenId = Never, MaxPositionEmbeddings = 400 };

    [Theory]
    [InlineData(null)]
    [InlineData(8)]
    [InlineData(70)]
    public void An_answer_is_the_same_to_the_last_bit_whoever_is_in_the_batch_with_it(int? window)
    {
        using var model = TinyModel.Create(Long with { SlidingWindow = window });
        var asked = Enumerable.Range(0, 21).Select(i => Asked.Of(Prompt(2 + i * 11 % 150, i), 5 + i * 29 % 130, i % 3 == 0 ? 0 : 1.3, seed: i)).ToList();
        var alone = asked.Select(one => one.Again()).ToList();
        foreach (var one in alone)
        {
            using var generator = new BatchGenerator(model, new(PrefillTokens: 64));
            Run(generator, [one]);
        }
        using var together = new BatchGenerator(model, new(MaxSequences: 16, PrefillTokens: 64));
        // Some come while others are under way.
        Run(together, asked[..9], steps: 7);
        Run(together, asked[9..]);
        Assert.All(asked.Zip(alone), pair => Assert.Equal(pair.Second.Told(), pair.First.Told()));
        Assert.Equal(asked.Select(one => one.Sampling.MaxNewTokens), asked.Select(one => one.Tokens.Count));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(8)]
    public void Greedy_answers_are_those_of_one_sequence_with_a_cache_of_its_own(int? window)
    {
        using var model = TinyModel.Create(Long with { SlidingWindow = window });
        var asked = Enumerable.Range(0, 8).Select(i => Asked.Of(Prompt(3 + 17 * i, i), 90, 0, seed: i)).ToList();
        using var generator = new BatchGenerator(model, new());
        Run(generator, asked);
        foreach (var one in asked)
            Assert.Equal(new TextGenerator(model).Generate(one.Ids, one.Sampling), one.Tokens.Select(token => token.Id));
    }

    /// <summary>Prompts beyond what is copied together, so that the kernel is called for each.</summary>
    [Fact]
    public void Long_caches_that_are_not_gathered_give_the_same_bits()
    {
        using var model = TinyModel.Create(Long with { NumAttentionHeads = 4, NumKeyValueHeads = 4, HeadDim = 128, MaxPositionEmbeddings = 300 });
        // 256 keys of 4 x 128 numbers are 512 KiB.
        List<Asked> Both() => [Asked.Of(Prompt(200, 1), 20, 1, 1), Asked.Of(Prompt(215, 2), 20, 1, 2)];
        var (together, alone) = (Both(), Both());
        using (var generator = new BatchGenerator(model, new())) Run(generator, together);
        foreach (var one in alone)
        {
            using var generator = new BatchGenerator(model, new());
            Run(generator, [one]);
        }
        Assert.All(together.Zip(alone), pair => Assert.Equal(pair.Second.Told(), pair.First.Told()));
    }

    [Fact]
    public void Answers_of_one_prompt_read_it_once_and_are_those_of_prompts_of_their_own()
    {
        using var model = TinyModel.Create(Long);
        var (ids, prompt) = (Prompt(130, 3), new BatchPrompt(Prompt(130, 3)));
        var shared = Enumerable.Range(0, 5).Select(i => Asked.Of(prompt, 30, 1.5, i)).ToList();
        var own = Enumerable.Range(0, 5).Select(i => Asked.Of(ids, 30, 1.5, i)).ToList();
        using (var generator = new BatchGenerator(model, new(MaxSequences: 3, PrefillTokens: 64))) Run(generator, shared);
        using (var generator = new BatchGenerator(model, new(PrefillTokens: 64))) Run(generator, own);
        Assert.All(shared.Zip(own), pair => Assert.Equal(pair.Second.Told(), pair.First.Told()));
        Assert.Equal(5, shared.Select(one => string.Join(' ', one.Tokens.Select(token => token.Id))).Distinct().Count());
    }

    [Fact]
    public void Places_and_cache_are_limits_and_all_are_answered_in_order()
    {
        using var model = TinyModel.Create(Long);
        // Each takes two blocks of the cache's four.
        var asked = Enumerable.Range(0, 7).Select(i => Asked.Of(Prompt(60, i), 10, 1, i)).ToList();
        using var generator = new BatchGenerator(model, new(MaxSequences: 6, CacheTokens: 4 * 64));
        foreach (var one in asked) generator.Add(one.Sequence);
        var most = 0;
        while (generator.Step()) most = Math.Max(most, generator.Active + generator.Waiting is 7 ? generator.Active : 2);
        Assert.Equal(2, most);
        Assert.All(asked, one => Assert.Equal((AnswerEnd.Length, 10), (one.End, one.Tokens.Count)));
        Assert.Equal(Enumerable.Range(0, 7), asked.OrderBy(one => one.EndedAt).Select(one => asked.IndexOf(one)));
    }

    [Fact]
    public void A_given_up_answer_makes_room_for_the_next()
    {
        using var model = TinyModel.Create(Long);
        using var gone = new CancellationTokenSource();
        var (first, second, third) = (Asked.Of(Prompt(60, 1), 200, 1, 1).Until(gone.Token), Asked.Of(Prompt(5, 2), 10, 1, 2), Asked.Of(Prompt(5, 3), 10, 1, 3).Until(gone.Token));
        using var generator = new BatchGenerator(model, new(MaxSequences: 1));
        foreach (var one in new[] { first, second, third }) generator.Add(one.Sequence);
        for (var i = 0; i < 5; i++) Assert.True(generator.Step());
        gone.Cancel();
        while (generator.Step()) { }
        Assert.Equal((AnswerEnd.Cancelled, AnswerEnd.Length, AnswerEnd.Cancelled), (first.End, second.End, third.End));
        Assert.Equal((6, 10, 0), (first.Tokens.Count, second.Tokens.Count, third.Tokens.Count));
    }

    [Fact]
    public void A_broken_answer_ends_alone_and_leaves_nothing_behind()
    {
        using var model = TinyModel.Create(Long with { VocabSize = 41 });
        using (no_grad()) model.Parameters["model.embed_tokens.weight"][40].fill_(double.NaN);
        List<Asked> Sound() => [Asked.Of(Prompt(30, 1), 40, 1, 1), Asked.Of(Prompt(50, 2), 60, 1, 2), Asked.Of(Prompt(61, 3), 60, 1, 3)];
        // The only token that is ever chosen then is the broken one: it breaks the second pass, not the prompt's.
        var broken = Asked.Of(new BatchPrompt(Prompt(61, 4)), 60, 1, 4, bias: new Dictionary<int, double> { [40] = 1e6 });
        var (with, without) = (Sound(), Sound());
        using (var generator = new BatchGenerator(model, new(MaxSequences: 3, CacheTokens: 384)))
        {
            Run(generator, [with[0], broken], steps: 10);
            Run(generator, with[1..]);
        }
        using (var generator = new BatchGenerator(model, new())) Run(generator, without);
        Assert.Equal((AnswerEnd.Failed, "the model's scores for the next token are not numbers (NaN): its weights are broken"), (broken.End, broken.Failure?.Message));
        Assert.All(with.Zip(without), pair => Assert.Equal(pair.Second.Told(), pair.First.Told()));
    }

    [Fact]
    public void The_end_of_the_turn_is_no_token_of_it()
    {
        using var model = TinyModel.Create(Long with { EosTokenId = 2 });
        var asked = Asked.Of(new BatchPrompt(Prompt(5, 1)), 50, 1, 1, bias: new Dictionary<int, double> { [2] = 1e6 });
        using var generator = new BatchGenerator(model, new());
        Run(generator, [asked]);
        Assert.Equal((AnswerEnd.EndOfTurn, 0), (asked.End, asked.Tokens.Count));
    }

    [Fact]
    public void An_answer_ends_where_the_model_has_no_positions_left()
    {
        using var model = TinyModel.Create(Long with { MaxPositionEmbeddings = 70 });
        var asked = Asked.Of(Prompt(60, 1), 50, 0, 1);
        using var generator = new BatchGenerator(model, new());
        Run(generator, [asked]);
        Assert.Equal((AnswerEnd.Length, 10), (asked.End, asked.Tokens.Count));
    }

    /// <summary>32 layers of 8 key heads of 128 in bf16: 128 KiB a token.</summary>
    [Theory]
    [InlineData(0, null, 32_768)] // 4 GiB.
    [InlineData(0, 80L << 30, 32_768)]
    [InlineData(0, 2L << 30, 12_288)] // Three quarters of what is free.
    [InlineData(0, 1L << 16, 64)]
    [InlineData(1000, 2L << 30, 1000)]
    [InlineData(1_000_000, null, 131_072)] // Four answers as long as they may be.
    public void As_many_tokens_are_held_as_there_is_room_for(int given, long? free, int held) =>
        Assert.Equal(held, new BatchLimits(MaxSequences: 4, CacheTokens: given).TokensFor(NamedSizes.Of("mistral7b"), 2, free));

    [Theory]
    [InlineData(400, 0, "the prompt has 400 tokens, the model was made for 400 (max_position_embeddings)")]
    [InlineData(130, 100, "the prompt has 130 tokens, expected fewer than 128: prompt and answer must fit the cache (max_cache_tokens)")]
    public void A_prompt_without_room_for_an_answer_is_refused(int length, int cache, string message)
    {
        using var model = TinyModel.Create(Long);
        using var generator = new BatchGenerator(model, new(CacheTokens: cache));
        Assert.Equal(message, Assert.Throws<PromptTooLongException>(() => generator.Require(Prompt(length, 1))).Message);
        Assert.Throws<UserErrorException>(() => generator.Require([]));
        Assert.Throws<UserErrorException>(() => generator.Require([1, 40]));
    }

    [Fact]
    public void A_bf16_model_answers_in_batches()
    {
        using var full = TinyModel.Create(Long);
        var halves = new ParameterSet();
        foreach (var (name, weight) in full.Parameters.All) halves.Add(name, weight.detach().to_type(ScalarType.BFloat16));
        using var model = new MistralForCausalLM(full.Config, halves);
        var asked = Enumerable.Range(0, 3).Select(i => Asked.Of(Prompt(5 + i, i), 20, 0, i)).ToList();
        using var generator = new BatchGenerator(model, new());
        Run(generator, asked);
        Assert.All(asked, one => Assert.Equal(20, one.Tokens.Count));
    }

    [Fact]
    public void Nothing_is_left_behind_however_many_answers_there_were()
    {
        using var model = TinyModel.Create(Long);
        using var generator = new BatchGenerator(model, new(MaxSequences: 4));
        void Answer(int count) => Run(generator, [.. Enumerable.Range(0, count).Select(i => Asked.Of(Prompt(3 + i * 7 % 90, i), 5 + i * 13 % 80, 1, i))]);
        Answer(3);
        var live = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Answer(3);
        Answer(20);
        Assert.Equal(live, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private static int[] Prompt(int length, int salt) => [1, .. Enumerable.Range(1, length - 1).Select(i => 3 + (i * 7 + salt * 5) % 36)];

    private static void Run(BatchGenerator generator, IReadOnlyList<Asked> asked, int steps = int.MaxValue)
    {
        foreach (var one in asked) generator.Add(one.Sequence);
        while (steps-- > 0 && generator.Step()) { }
    }
}
