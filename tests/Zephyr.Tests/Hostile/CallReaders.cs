using System.Net;
using System.Text;
using System.Text.Json;
using Zephyr.Configuration;
using Zephyr.Data.Sources;
using Zephyr.Feedback.Calls;
using Zephyr.Feedback.Calls.Endpoints;
using Zephyr.Feedback.Generation;
using Zephyr.Runtime;

namespace Zephyr.Tests.Hostile;

/// <summary>Readers of what asking models takes: the files that a user writes, the journal, and what an endpoint sends.</summary>
internal static class CallReaders
{
    private const string Endpoints = """
        # two models
        large:
          base_url: https://api.example.com/v1
          model: "large-2024"
          api_key_env: EXAMPLE_KEY
          max_concurrency: 64
          timeout: 6e1
          supports_json_schema: true
        small: {base_url: "http://127.0.0.1:8080/v1", requests_per_minute: 500}

        """;

    private const string Journal = """
        {"journal":"zephyr calls","version":1}
        {"key":"00112233445566778899aabbccddeeff","purpose":"generate/abc/1","model":"m","text":"an answer\n","finish_reason":"stop","prompt_tokens":12,"completion_tokens":3,"cost":0.0125}
        {"key":"ffeeddccbbaa99887766554433221100","purpose":"judge/overall/abc/1","model":"m","failure":"HTTP 500: oops","transient":true,"prompt_tokens":0,"completion_tokens":0,"attempts":6,"cost":0}

        """;

    private const string Answer = """
        {"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"an answer"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15}}
        """;

    public static IEnumerable<HostileReader> All =>
    [
        new("endpoints", "endpoints.yaml", [Encoding.UTF8.GetBytes(Endpoints)], path => EndpointFile.Read(path)),
        new("journal of calls", "calls.jsonl", [Encoding.UTF8.GetBytes(Journal)], path => JournalFile.Scan(path, (_, _, _) => { })),
        new("prompts in a text file", "prompts.txt", ["one prompt\nund noch einer: ä\n"u8.ToArray()], path => _ = PromptSchema.Read([path]).Count()),
        new("principles", "honesty.txt", ["# ours\nBe honest.\n"u8.ToArray()], path => PrincipleSet.Load(Path.GetDirectoryName(path))),
        new("an endpoint's answer", "answer.json", [Encoding.UTF8.GetBytes(Answer)], ReadAnswer),
        new("an endpoint's refusal", "error.json", ["""{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}"""u8.ToArray()], ReadRefusal),
    ];

    private static void ReadAnswer(string path)
    {
        if (AnswerBody.Read(File.ReadAllBytes(path)) is not { } answer) throw new UserErrorException("no answer");
        using var json = JsonDocument.Parse(answer.ToJson());
        Assert.Equal(answer.Text, json.RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
    }

    private static void ReadRefusal(string path)
    {
        using var response = new HttpResponseMessage(HttpStatusCode.TooManyRequests);
        Assert.InRange(new FailureTexts("sk-1234567890abcdef").Refused(response, File.ReadAllBytes(path), null).Message.Length, 1, 400);
    }
}
