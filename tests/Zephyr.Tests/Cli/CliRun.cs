using Zephyr.Cli;

namespace Zephyr.Tests.Cli;

/// <summary>One run of the program in this process.</summary>
internal sealed record CliRun(int Code, string Output, string Error)
{
    public static CliRun Of(params string[] args)
    {
        using StringWriter output = new() { NewLine = "\n" }, error = new() { NewLine = "\n" };
        var code = Program.Run(args, new CliConsole(output, error), TestContext.Current.CancellationToken);
        return new(code, output.ToString(), error.ToString());
    }
}
