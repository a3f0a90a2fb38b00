using System.Text;
using Spectre.Console;
using Zephyr.Cli.Rendering;

namespace Zephyr.Cli;

/// <summary>
/// The two streams of the program: results go to <see cref="Output"/>, everything else to <see cref="Error"/>.
/// Spectre.Console is made on first use only: <c>--help</c> must not pay for it.
/// </summary>
internal sealed class CliConsole
{
    private readonly TerminalTraits? _outputTerminal, _errorTerminal;
    private IAnsiConsole? _results;
    private IAnsiConsole? _progress;

    /// <param name="output">stdout.</param>
    /// <param name="error">stderr.</param>
    /// <param name="outputTerminal">What is known of the terminal on stdout; null where it is none.</param>
    /// <param name="errorTerminal">The same of stderr.</param>
    public CliConsole(TextWriter output, TextWriter error, TerminalTraits? outputTerminal = null, TerminalTraits? errorTerminal = null)
    {
        (_outputTerminal, _errorTerminal) = (outputTerminal, errorTerminal);
        Output = new ResultWriter(output);
        Live = errorTerminal is { Redraws: true } ? new(error, () => errorTerminal.WidthOr(0)) : null;
        Error = Live ?? error;
    }

    /// <summary>Results only. Buffered: it is flushed at the end, or where a person watches text appear.</summary>
    public TextWriter Output { get; }

    /// <summary>Progress, notes, errors.</summary>
    public TextWriter Error { get; }

    /// <summary>The last lines of <see cref="Error"/>, where a person watches it on a terminal that can redraw them; otherwise null.</summary>
    public LiveArea? Live { get; }

    /// <summary>Rich output of results.</summary>
    public IAnsiConsole Results => _results ??= Rich.On(Output, _outputTerminal);

    /// <summary>Rich output of progress.</summary>
    public IAnsiConsole Progress => _progress ??= Rich.On(Error, _errorTerminal);

    /// <summary>The process's own streams, UTF-8 whatever the locale says: JSON and generated text are UTF-8.</summary>
    public static CliConsole OfProcess()
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        return new(
            new StreamWriter(Console.OpenStandardOutput(), utf8, bufferSize: 16384) { AutoFlush = false },
            TextWriter.Synchronized(new StreamWriter(Console.OpenStandardError(), utf8) { AutoFlush = true }),
            Console.IsOutputRedirected ? null : TerminalTraits.OfProcess(),
            Console.IsErrorRedirected ? null : TerminalTraits.OfProcess());
    }
}

/// <summary>What is known of a terminal.</summary>
/// <param name="Width">Columns, asked for when needed; never trusted to be positive.</param>
/// <param name="Redraws">It understands control sequences.</param>
/// <param name="Colors">Colours are wanted.</param>
/// <param name="Height">Lines, likewise; null where nobody asks.</param>
internal sealed record TerminalTraits(Func<int> Width, bool Redraws, bool Colors, Func<int>? Height = null)
{
    /// <summary>The columns at this moment, or <paramref name="fallback"/> where the terminal does not know.</summary>
    public int WidthOr(int fallback) => Ask(Width, fallback);

    /// <summary>The lines at this moment, or <paramref name="fallback"/> where the terminal does not know.</summary>
    public int HeightOr(int fallback) => Height is null ? fallback : Ask(Height, fallback);

    /// <summary>The terminal of this process, going by TERM and NO_COLOR.</summary>
    public static TerminalTraits OfProcess()
    {
        var able = Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        var colors = able && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        return new(() => Console.WindowWidth, able, colors, () => Console.WindowHeight);
    }

    private static int Ask(Func<int> terminal, int fallback)
    {
        try
        {
            return terminal() is > 0 and var size ? size : fallback;
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            return fallback;
        }
    }
}
