using System.Text;
using Spectre.Console;
using Zephyr.Cli.Rendering;

namespace Zephyr.Cli;

/// <summary>
/// The two streams of the program: results go to <see cref="Output"/>, everything else to <see cref="Error"/>.
/// Spectre.Console is made on first use only: <c>--help</c> must not pay for it.
/// </summary>
internal sealed class CliConsole(TextWriter output, TextWriter error, TerminalTraits? outputTerminal = null, TerminalTraits? errorTerminal = null)
{
    private IAnsiConsole? _results;
    private IAnsiConsole? _progress;

    /// <summary>Results only. Buffered: it is flushed at the end, or where a person watches text appear.</summary>
    public TextWriter Output { get; } = new ResultWriter(output);

    /// <summary>Progress, notes, errors.</summary>
    public TextWriter Error { get; } = error;

    /// <summary>Whether a person watches <see cref="Error"/> on a terminal that can redraw a line.</summary>
    public bool CanRedraw { get; } = errorTerminal is { Redraws: true };

    /// <summary>Rich output of results.</summary>
    public IAnsiConsole Results => _results ??= Rich.On(Output, outputTerminal);

    /// <summary>Rich output of progress.</summary>
    public IAnsiConsole Progress => _progress ??= Rich.On(Error, errorTerminal);

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
internal sealed record TerminalTraits(Func<int> Width, bool Redraws, bool Colors)
{
    /// <summary>The terminal of this process, going by TERM and NO_COLOR.</summary>
    public static TerminalTraits OfProcess()
    {
        var able = Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        return new(() => Console.WindowWidth, able, able && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")));
    }
}
