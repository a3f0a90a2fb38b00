using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Cli;

/// <summary>How the program ends, and the one place where an exception becomes an exit code and a message.</summary>
internal static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>Failed while running.</summary>
    public const int Failed = 1;

    /// <summary>Bad usage, config or input: the user can put it right.</summary>
    public const int BadInput = 2;

    /// <summary>Interrupted; a training run has written its checkpoint.</summary>
    public const int Interrupted = 130;

    /// <summary>Says on <paramref name="error"/> what happened and returns the exit code for it.</summary>
    public static int Report(Exception exception, TextWriter error)
    {
        switch (exception)
        {
            case AggregateException { InnerExceptions: [var only] }:
                return Report(only, error);
            case ConfigException config:
                // As compilers write them: FILE:LINE: first, so that editors can jump there.
                foreach (var problem in config.Problems) error.WriteLine(OneLine(problem.ToString()));
                return BadInput;
            case UserErrorException user:
                error.WriteLine($"zephyr: {OneLine(user.Message)}");
                return BadInput;
            case OperationCanceledException:
                error.WriteLine("zephyr: interrupted");
                return Interrupted;
            case RunFailedException failed:
                error.WriteLine($"zephyr: {OneLine(failed.Message)}");
                return Failed;
            case var _ when TorchErrors.IsOutOfMemory(exception):
                error.WriteLine($"zephyr: memory ran out: {OneLine(TorchErrors.Reason(exception))}; take fewer or shorter rows at a time, a smaller model, or a device with more memory");
                return Failed;
            default:
                error.WriteLine($"zephyr: this is a bug in zephyr, please report it with the lines below.\n{Secrets.Mask(exception.ToString())}");
                return Failed;
        }
    }
    /// <summary>What a message quotes of a configuration may be a URL with a password in it.</summary>
    private static string OneLine(string message) => PlainText.OneLine(Secrets.Mask(message));
}
