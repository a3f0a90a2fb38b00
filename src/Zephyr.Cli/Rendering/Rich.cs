using System.Text;
using Spectre.Console;

namespace Zephyr.Cli.Rendering;

/// <summary>Spectre.Console on a stream of ours.</summary>
internal static class Rich
{
    // Wide enough that nothing is wrapped or cut in a pipe, where lines belong to other programs.
    private const int PipeWidth = 4096;

    public static IAnsiConsole On(TextWriter writer, TerminalTraits? terminal) => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new Stream(writer, terminal),
        Ansi = terminal is { Redraws: true } ? AnsiSupport.Yes : AnsiSupport.No,
        ColorSystem = terminal is { Colors: true } ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
        Interactive = InteractionSupport.No,
    });

    private sealed class Stream(TextWriter writer, TerminalTraits? terminal) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => terminal is not null;

        public int Width => terminal?.WidthOr(80) ?? PipeWidth;

        public int Height => terminal?.HeightOr(24) ?? 24;

        public void SetEncoding(Encoding encoding) { }
    }
}
