using Microsoft.AspNetCore.Http;
using Zephyr.Configuration;
using Zephyr.Feedback.Calls;
using Zephyr.Runtime;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>No cap is ever gone over, and whoever raises it goes on.</summary>
public sealed class BudgetTests : IDisposable
{
    private readonly CallWorld _world = new();

    public void Dispose() => _world.Dispose();

    public static TheoryData<string, BudgetOptions, BudgetOptions> Caps => new()
    {
        { "max_calls", new() { MaxCalls = 7 }, new() { MaxCalls = 30 } },
        { "max_tokens_total", new() { MaxTokensTotal = 200 }, new() { MaxTokensTotal = 100_000 } },
        { "max_cost", new() { MaxCost = 0.2 }, new() { MaxCost = 100 } },
    };

    [Theory]
    [MemberData(nameof(Caps))]
    public async Task A_cap_is_never_gone_over_and_a_higher_one_goes_on(string cap, BudgetOptions low, BudgetOptions high)
    {
        // 15 tokens each, where up to 17 + 64 were allowed for: a thousandth of the currency a token.
        await using var endpoint = await FakeEndpoint.Echo();
        var model = endpoint.Model(options: new() { MaxConcurrency = 4, PricePerMillionPromptTokens = 1000, PricePerMillionCompletionTokens = 1000 });
        await using (var calls = _world.Open(model, low))
        {
            var stopped = await Assert.ThrowsAsync<RunFailedException>(() => All(calls));
            Assert.StartsWith($"{cap}: the next call could go over it, so that none is begun: ", stopped.Message, StringComparison.Ordinal);
            Assert.EndsWith($"all answers are kept, and the same command with a higher {cap} goes on from them", stopped.Message, StringComparison.Ordinal);
            var usage = calls.Usage.Single().Usage;
            Assert.Equal(endpoint.Requests.Count, usage.Calls);
            Assert.True(usage.Calls <= (low.MaxCalls > 0 ? low.MaxCalls : long.MaxValue) && usage.Tokens <= (low.MaxTokensTotal > 0 ? low.MaxTokensTotal : long.MaxValue)
                && (low.MaxCost == 0 || usage.Cost <= (decimal)low.MaxCost), $"{usage}");
            // As many as fit for certain: one more could have gone over.
            Assert.Equal(cap == "max_calls" ? 7 : 8, usage.Calls);
        }
        var before = endpoint.Requests.Count;
        // What was spent before counts.
        await using (var calls = _world.Open(model, low)) await Assert.ThrowsAsync<RunFailedException>(() => calls.Ask(CallWorld.Call("another"), TestContext.Current.CancellationToken));
        Assert.Equal(before, endpoint.Requests.Count);
        await using (var calls = _world.Open(model, high)) await All(calls);
        Assert.Equal(20, endpoint.Requests.Count);
    }

    [Theory]
    [InlineData(null, "max_cost: none of the models has a price, expected price_per_million_prompt_tokens and ")]
    [InlineData("PATH", "max_cost: fake has no price, expected price_per_million_prompt_tokens and ")]
    public async Task Money_is_not_capped_where_it_cannot_be_counted(string? key, string problem)
    {
        await using var endpoint = await FakeEndpoint.Echo();
        var refused = Assert.Throws<UserErrorException>(() => _world.Open(endpoint.Model(options: new() { ApiKeyEnv = key }), new() { MaxCost = 1 }));
        Assert.StartsWith(problem, refused.Message, StringComparison.Ordinal);
    }

    /// <summary>Attempts that broke off may have been paid for: they count as much as they may have come to (5 tokens read by estimate, 64 written at most).</summary>
    [Fact]
    public async Task What_an_attempt_that_broke_off_may_have_cost_is_counted()
    {
        await using var endpoint = await FakeEndpoint.Start(async (context, _, number) =>
        {
            if (number > 1) await FakeEndpoint.Answer(context, "ok");
            else if (number == 1) await FakeEndpoint.Error(context, 500, "busy");
            else context.Abort();
        });
        await using var calls = _world.Open(endpoint.Model());
        var answer = await calls.Ask(CallWorld.Call("a"), TestContext.Current.CancellationToken);
        Assert.Equal(("ok", 3, 10 + TokenEstimate.Likely(CallWorld.Call("a").Messages), 5 + 64L), (answer.Text, answer.Attempts, answer.PromptTokens, answer.CompletionTokens));
    }

    /// <summary>A model that spends all its tokens on thoughts gives no content: it has answered and is paid, and would do so again.</summary>
    [Fact]
    public async Task An_answer_that_ended_without_content_is_not_asked_again_and_counts()
    {
        await using var endpoint = await FakeEndpoint.Start((context, _, _) => context.Response.WriteAsJsonAsync(new
        {
            choices = new[] { new { index = 0, message = new { role = "assistant" }, finish_reason = "length" } },
            usage = new { prompt_tokens = 10, completion_tokens = 1000 },
        }));
        await using var calls = _world.Open(endpoint.Model());
        var answer = await calls.Ask(CallWorld.Call("a"), TestContext.Current.CancellationToken);
        Assert.Equal((1, "the model gave no text: finish_reason length", 10L, 1000L, false), (endpoint.Requests.Count, answer.Failure, answer.PromptTokens, answer.CompletionTokens, answer.Transient));
    }

    [Fact]
    public async Task Tokens_that_an_endpoint_does_not_count_are_estimated()
    {
        await using var endpoint = await FakeEndpoint.Start((context, _, _) => Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response,
            """{"choices": [{"message": {"content": "twelve bytes"}, "finish_reason": "eos_token"}]}"""));
        await using var calls = _world.Open(endpoint.Model(options: new() { PricePerMillionCompletionTokens = 1_000_000 }));
        var answer = await calls.Ask(CallWorld.Call("eight by"), TestContext.Current.CancellationToken);
        Assert.Equal(new CallAnswer("twelve bytes", null, "eos_token", 6, 3) { TokensEstimated = true }, answer);
        Assert.Equal(3, calls.Usage.Single().Usage.Cost);
    }

    private static async Task All(ModelCalls calls)
    {
        await foreach (var answer in OrderedWork.Run(Enumerable.Range(0, 20), 6, (i, stop) => calls.Ask(CallWorld.Call($"{i}"), stop), TestContext.Current.CancellationToken))
            Assert.Null(answer.Failure);
    }
}
