using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>Prompts, and an endpoint that plays three models and a judge: what it says is a function of what it is asked, whenever it is asked.</summary>
internal sealed partial class FeedbackWorld : IAsyncDisposable
{
    private readonly TempFolder _folder = new();

    private FeedbackWorld(FakeEndpoint endpoint) => Endpoint = endpoint;

    public FakeEndpoint Endpoint { get; }

    public string Prompts => _folder.PathOf("prompts.txt");

    public string PathOf(string name) => _folder.PathOf(name);

    /// <summary>Starts one.</summary>
    /// <param name="prompts">How many prompts.</param>
    /// <param name="delay">Milliseconds that an answer takes, by the request's number.</param>
    /// <param name="judge">What the judge says to an answer; null for a score that is a function of it.</param>
    /// <param name="fault">Answers a request in place of the models where it returns true.</param>
    public static async Task<FeedbackWorld> Start(int prompts, Func<int, int>? delay = null, Func<string, string>? judge = null, Func<HttpContext, JsonElement, int, Task<bool>>? fault = null)
    {
        var endpoint = await FakeEndpoint.Start(async (context, body, number) =>
        {
            if (fault is not null && await fault(context, body, number)) return;
            if (delay is not null) await Task.Delay(delay(number), context.RequestAborted);
            var words = FakeEndpoint.LastMessage(body);
            var text = body.GetProperty("model").GetString() == "judge" ? (judge ?? Score)(words)
                : $"{body.GetProperty("model").GetString()} on {words} ({Hash(body.GetProperty("seed").ToString() + body.GetProperty("messages")[0].GetProperty("content")):x})";
            await FakeEndpoint.Answer(context, text, words.Length / 4, text.Length / 4);
        });
        var world = new FeedbackWorld(endpoint);
        world._folder.Write("prompts.txt", string.Concat(Enumerable.Range(0, prompts).Select(i => $"What is {i} and {i}?\n")));
        world._folder.Write("endpoints.yaml", $"""
            a: {"{"}base_url: "{endpoint.BaseUrl}", max_concurrency: 4, price_per_million_prompt_tokens: 100, price_per_million_completion_tokens: 200{"}"}
            b: {"{"}base_url: "{endpoint.BaseUrl}", max_concurrency: 4{"}"}
            c: {"{"}base_url: "{endpoint.BaseUrl}", max_concurrency: 4{"}"}
            judge: {"{"}base_url: "{endpoint.BaseUrl}", max_concurrency: 4, price_per_million_prompt_tokens: 1000, price_per_million_completion_tokens: 2000{"}"}
            """);
        return world;
    }

    /// <summary>The arguments of a run from prompts to pairs.</summary>
    /// <param name="output">The output folder's name.</param>
    /// <param name="more">Further options with a value each, which take the place of those below.</param>
    public string[] Args(string output, params string[] more)
    {
        string[] all = [.. Always(output).Chunk(2).Where(option => !more.Contains(option[0])).SelectMany(option => option), .. more];
        return ["aif", .. all];
    }

    private string[] Always(string output) =>
    [
        "--prompts", Prompts, "--models", "[a, b, c]", "--judge", "judge", "--judgments", "overall", "--endpoints", PathOf("endpoints.yaml"), "--output_dir", PathOf(output),
        "--completions_per_prompt", "2", "--max_new_tokens", "64", "--judge_max_new_tokens", "64", "--test_fraction", "0.2", "--ties", "keep", "--rejected", "random_other",
    ];

    /// <summary>The files that a run leaves, but for what differs from run to run by its nature.</summary>
    public IReadOnlyDictionary<string, string> Files(string output) => Directory.EnumerateFiles(PathOf(output))
        .Where(file => Path.GetFileName(file) is not ("run.json" or "zephyr.log" or "calls.jsonl"))
        .ToDictionary(file => Path.GetFileName(file)!, file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))));

    /// <summary>Every request as a text.</summary>
    public IReadOnlyList<string> Asked => [.. Endpoint.Requests.Select(request => request.GetRawText())];

    public async ValueTask DisposeAsync()
    {
        await Endpoint.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>A judge's answer in form, with a score that is a function of the answer that it judges.</summary>
    private static string Score(string words) => $$"""{"critique": "so so", "score": {{Hash(Judged().Match(words).Value) % 10 + 1}}}""";

    private static uint Hash(string text) => BitConverter.ToUInt32(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    [GeneratedRegex(@"[abc] on What is \d+ and \d+\? \([0-9a-f]+\)")]
    private static partial Regex Judged();
}
