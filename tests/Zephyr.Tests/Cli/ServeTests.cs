using System.Diagnostics;
using System.Net;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Serving.Http;

namespace Zephyr.Tests.Cli;

/// <summary>The program as it was built: a real process, real signals.</summary>
public sealed class ServeTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task It_says_where_it_is_answers_and_ends_with_0_at_a_signal(string signal)
    {
        ChainModel.Write(_folder.Path, [3 + '\n', .. ChainModel.BytesOf("ok"), 2]);
        using var process = Start("--model", _folder.Path, "--model_name", "m", "--port", "0");
        var address = await process.StandardOutput.ReadLineAsync(Cancellation);
        using var client = new HttpClient { BaseAddress = new(address + "/") };
        const string Question = """{"model": "m", "temperature": 0, "messages": [{"role": "user", "content": "a secret question"}]}""";
        using var answer = await client.SendAsync(ServedModel.Request("chat/completions", Question), Cancellation);
        Assert.Contains("\"content\":\"ok\"", await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal((0, ""), await End(process, signal));
        var log = await process.StandardError.ReadToEndAsync(Cancellation);
        Assert.Matches($@"\[INF\] m answers at {address} \(64 tokens a conversation, 16 at a time\)\n", log);
        Assert.Matches(@"\[INF\] POST /v1/chat/completions 200 \d+\+2 tokens \d+\.\d{3} s\n", log);
        Assert.Contains("stopped; all were answered", log, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_is_cut_off_at_the_end_of_the_grace_makes_it_130()
    {
        // Never says the end of the turn: the answer takes as long as it may.
        ChainModel.Write(_folder.Path, 4, 5);
        using (var model = ChainModel.Create(30_000, 3 + '\n', 3 + 'a', 3 + 'b', 3 + 'a')) Zephyr.Model.Weights.ModelFolder.Save(_folder.Path, model.Config, model.Parameters.All, long.MaxValue);
        using var process = Start("--model", _folder.Path, "--model_name", "m", "--port", "0", "--shutdown_grace", "0.2", "--quiet");
        using var client = new HttpClient { BaseAddress = new(await process.StandardOutput.ReadLineAsync(Cancellation) + "/") };
        const string Question = """{"model": "m", "temperature": 0, "stream": true, "messages": [{"role": "user", "content": "a"}]}""";
        using var answer = await client.SendAsync(ServedModel.Request("chat/completions", Question), HttpCompletionOption.ResponseHeadersRead, Cancellation);
        var events = answer.Content.ReadAsStringAsync(Cancellation);
        Assert.Equal((130, ""), await End(process, "TERM"));
        Assert.EndsWith("\"code\":\"shutting_down\"}}\n\n", await events, StringComparison.Ordinal);
        Assert.Contains("stopped; some were cut off", await process.StandardError.ReadToEndAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_from_the_environment_is_asked_for()
    {
        ChainModel.Write(_folder.Path, 4, 5);
        using var process = Start("--model", _folder.Path, "--port", "0", "--api_key_env", "ZEPHYR_TEST_SERVE_KEY", "--host", "0.0.0.0");
        var address = new Uri(await process.StandardOutput.ReadLineAsync(Cancellation) + "/");
        using var client = new HttpClient { BaseAddress = new UriBuilder(address) { Host = "127.0.0.1" }.Uri };
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("models", Cancellation)).StatusCode);
        client.DefaultRequestHeaders.Authorization = new("Bearer", "the key of the test");
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("models", Cancellation)).StatusCode);
        Assert.Equal(0, (await End(process, "TERM")).Code);
    }

    [Fact]
    public void What_cannot_be_served_is_said_before_a_model_is_loaded()
    {
        string Refused(params string[] options)
        {
            var run = CliRun.Of(["serve", "--model", _folder.Path, .. options]);
            Assert.Equal((2, ""), (run.Code, run.Output));
            return run.Error;
        }
        Assert.Contains("host: 0.0.0.0 can be reached by others: give --api_key_env, or a loopback address such as 127.0.0.1", Refused("--host", "0.0.0.0"), StringComparison.Ordinal);
        Assert.Equal("zephyr: api_key_env: the environment variable ZEPHYR_NOT_SET is not set or empty, expected the key that clients must bring\n", Refused("--api_key_env", "ZEPHYR_NOT_SET"));
        Assert.Contains("port: must be from 0 to 65535 (was 70000)", Refused("--port", "70000"), StringComparison.Ordinal);
        Assert.Contains("there is no config.json", Refused("--port", "0"), StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static Process Start(params string[] args) => Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "zephyr"), ["serve", .. args])
    {
        RedirectStandardError = true,
        RedirectStandardOutput = true,
        Environment = { ["OMP_NUM_THREADS"] = "1", ["ZEPHYR_TEST_SERVE_KEY"] = "the key of the test" },
    })!;

    /// <returns>The exit code and what else was said on stdout.</returns>
    private static async Task<(int Code, string Output)> End(Process process, string signal)
    {
        using (var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"])) await kill.WaitForExitAsync(Cancellation);
        var output = await process.StandardOutput.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation).WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
        return (process.ExitCode, output);
    }
}
