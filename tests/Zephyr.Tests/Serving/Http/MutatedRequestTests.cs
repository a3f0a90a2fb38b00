using System.Text;
using System.Text.Json.Nodes;
using CsCheck;

namespace Zephyr.Tests.Serving.Http;

/// <summary>Whatever comes in, an answer or an error in OpenAI's shape goes out, and the next request is answered.</summary>
public class MutatedRequestTests
{
    private const string Chat =
        """{"model": "chain", "messages": [{"role": "user", "content": "b"}], "temperature": 0.5, "top_p": 1, "n": 2, "stop": ["x"], "max_tokens": 3, "seed": 1, "logprobs": true, "logit_bias": {"5": 1}}""";

    private const string Completion = """{"model": "chain", "prompt": ["a", "b"], "temperature": 0.5, "logprobs": 2, "n": 2, "stop": "x", "max_tokens": 3, "best_of": 2, "echo": false}""";

    private static readonly string[] Values =
        ["null", "-1", "1e999", "\"\\ud800\"", "[]", "{}", "\"\"", "9223372036854775808", "0.1", "true", "[[[[[[]]]]]]", "[1,2]", "\"\\u0000\"", "-0.0", "1e-999", "{\"a\":{\"b\":null}}"];

    private static readonly Gen<byte[]> Bodies = Gen.Select(Gen.Bool, Gen.Int[0, 5], Gen.Int[0, 10_000], Gen.Int[0, 10_000], Gen.Byte).Select(Mutated);

    [Fact]
    public async Task Every_mutated_body_gets_an_answer_or_an_error()
    {
        await using var served = await ServedModel.Saying("ab");
        var statuses = new Dictionary<int, int>();
        for (var i = 0; i < 400; i++)
        {
            // A seed of our own for each: the same inputs in each run.
            var body = Bodies.Generate(new PCG((uint)i, 1), null, out _);
            foreach (var path in new[] { "chat/completions", "completions" })
            {
                using var request = ServedModel.Request(path, "");
                request.Content = new ByteArrayContent(body) { Headers = { ContentType = request.Content!.Headers.ContentType } };
                using var response = served.Client.Send(request, ServedModel.Cancellation);
                using var content = new StreamReader(response.Content.ReadAsStream(ServedModel.Cancellation));
                var status = (int)response.StatusCode;
                statuses[status] = statuses.GetValueOrDefault(status) + 1;
                Assert.True(status is 200 or 400 or 404, $"{status} to {Encoding.UTF8.GetString(body)}");
                if (response.Content.Headers.ContentType!.MediaType == "text/event-stream") continue;
                Assert.Equal(status == 200 ? "choices" : "error", JsonNode.Parse(content.ReadToEnd())!.AsObject().Select(entry => entry.Key).Single(key => key is "choices" or "error"));
            }
        }
        Assert.True(statuses[200] > 50 && statuses[400] > 200, string.Join(", ", statuses));
        Assert.All(served.Served, request => Assert.Null(request.Failure));
        Assert.Equal("ab", await served.Text("chat/completions", """{"model": "chain", "temperature": 0, "messages": [{"role": "user", "content": "b"}]}"""));
    }

    private static byte[] Mutated(bool chat, int kind, int where, int other, byte value)
    {
        var text = chat ? Chat : Completion;
        var bytes = Encoding.UTF8.GetBytes(text);
        switch (kind)
        {
            case 0:
                bytes[where % bytes.Length] = value;
                return bytes;
            case 1:
                return bytes[..(where % (bytes.Length + 1))];
            case 2:
                // A value in place of another.
                var json = JsonNode.Parse(text)!.AsObject();
                var key = json.ElementAt(where % json.Count).Key;
                return Encoding.UTF8.GetBytes(text.Replace($"\"{key}\": ", $"\"{key}\": {Values[other % Values.Length]}, \"user\": ", StringComparison.Ordinal));
            case 3 or 4:
                // A digit or a letter in place of a digit.
                var digits = Enumerable.Range(0, bytes.Length).Where(at => char.IsAsciiDigit((char)bytes[at])).ToList();
                bytes[digits[where % digits.Count]] = (byte)"0123456789-.eE \"x"[other % 17];
                return bytes;
            default:
                // A stretch twice.
                var (from, to) = (Math.Min(where % bytes.Length, other % bytes.Length), Math.Max(where % bytes.Length, other % bytes.Length));
                return [.. bytes[..to], .. bytes[from..]];
        }
    }
}
