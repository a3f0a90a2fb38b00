using System.CommandLine;
using Zephyr.Runtime;

namespace Zephyr.Cli.Commands;

/// <summary>zephyr doctor takes no options.</summary>
internal sealed record DoctorOptions;

/// <summary>zephyr doctor.</summary>
internal static class DoctorCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<DoctorOptions>(
        session, "doctor", "Checks this machine: libtorch, its self-tests, devices, memory.", "", Run);

    // CALL SITE: the check of the native library (Zephyr.Runtime) takes over here.
    private static int Run(DoctorOptions options, CliSession session) =>
        throw new RunFailedException("doctor is not wired yet");
}
