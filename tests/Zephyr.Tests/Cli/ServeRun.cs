using System.Text;
using Zephyr.Cli;

namespace Zephyr.Tests.Cli;

/// <summary>zephyr serve in this process, from its arguments to its exit code.</summary>
internal sealed class ServeRun : IAsyncDisposable
{
    private readonly CancellationTokenSource _signal = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly SharedText _output = new(), _error = new();
    private readonly Task<int> _run;

    private ServeRun(string[] args) =>
        _run = Task.Factory.StartNew(() => Program.Run(["serve", "--port", "0", .. args], new CliConsole(_output, _error), _signal.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Its address, with /v1.</summary>
    public string Address { get; private set; } = "";

    /// <summary>The name of its model in a pool.</summary>
    public string Model => $"{Address}#m";

    /// <summary>Starts one and waits until it listens.</summary>
    public static async Task<ServeRun> Start(string folder)
    {
        var run = new ServeRun(["--model", folder, "--model_name", "m"]);
        while (!run._output.ToString().Contains('\n'))
        {
            Assert.False(run._run.IsCompleted, run._error.ToString());
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
        run.Address = run._output.ToString().Trim();
        return run;
    }

    /// <summary>Ends it as a signal does; a second time does nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_run.IsCompleted) await _signal.CancelAsync();
        Assert.Equal(0, await _run.WaitAsync(TimeSpan.FromMinutes(2)));
        _signal.Dispose();
    }

    /// <summary>A text that one thread writes while another reads.</summary>
    private sealed class SharedText : TextWriter
    {
        private readonly StringBuilder _text = new();

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value)
        {
            lock (_text) _text.Append(value);
        }

        public override string ToString()
        {
            lock (_text) return _text.ToString();
        }
    }
}
