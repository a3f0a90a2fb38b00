using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;
using Serilog.Formatting.Display;
using Zephyr.Runtime;

namespace Zephyr.Cli;

/// <summary>Serilog's set-up: output_dir/zephyr.log always, stderr where asked for.</summary>
internal static class Logging
{
    private const string Template = "{Timestamp:yyyy-MM-dd HH:mm:ss.fff} [{Level:u3}] {Message:lj}{NewLine}{Exception}";

    /// <param name="outputDir">Receives zephyr.log with the first line.</param>
    /// <param name="also">Where each line goes besides; null for nowhere.</param>
    public static Logger Create(string outputDir, TextWriter? also = null)
    {
        var configuration = new LoggerConfiguration().MinimumLevel.Debug().WriteTo.Sink(new FileOnFirstLine(outputDir));
        if (also is not null) configuration.WriteTo.Sink(new Lines(also));
        return configuration.CreateLogger();
    }

    /// <summary>Lines on a stream only, for a command that has no folder of its own.</summary>
    public static Logger OnStream(TextWriter writer) => new LoggerConfiguration().MinimumLevel.Debug().WriteTo.Sink(new Lines(writer)).CreateLogger();

    /// <summary>Logs why a stage failed before the failure goes on to be shown; what the user can fix, and a stop that was
    /// asked for, leave no log behind.</summary>
    public static int Around(ILogger log, string stage, Func<int> run)
    {
        try
        {
            return run();
        }
        catch (Exception error) when (error is not (UserErrorException or OperationCanceledException))
        {
            log.Error(error, "{Stage} failed", stage);
            throw;
        }
    }

    /// <summary>A log is sent to others: no password or token of what a message or an exception quotes is in it.</summary>
    private sealed class MaskedText : ITextFormatter
    {
        private readonly MessageTemplateTextFormatter _format = new(Template);

        public void Format(LogEvent logEvent, TextWriter output)
        {
            using var line = new StringWriter { NewLine = "\n" };
            _format.Format(logEvent, line);
            output.Write(Secrets.Mask(line.ToString()));
        }
    }

    /// <summary>Whole lines, so that they go above what is being redrawn. Serilog's console sink writes past our streams.</summary>
    private sealed class Lines(TextWriter writer) : ILogEventSink
    {
        private readonly MaskedText _format = new();

        public void Emit(LogEvent logEvent)
        {
            using var line = new StringWriter { NewLine = "\n" };
            _format.Format(logEvent, line);
            writer.Write(line.ToString());
        }
    }

    /// <summary>A run that is refused before it starts must leave no folder behind: the file comes with its first line.</summary>
    private sealed class FileOnFirstLine(string outputDir) : ILogEventSink, IDisposable
    {
        private readonly Lazy<Logger> _file = new(() => new LoggerConfiguration().MinimumLevel.Verbose()
            .WriteTo.File(new MaskedText(), Path.Combine(outputDir, "zephyr.log"), fileSizeLimitBytes: null).CreateLogger());

        public void Emit(LogEvent logEvent) => _file.Value.Write(logEvent);

        public void Dispose()
        {
            if (_file.IsValueCreated) _file.Value.Dispose();
        }
    }
}
