using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Runtime;

namespace Zephyr.Cli.Commands;

/// <summary>zephyr doctor takes no options.</summary>
internal sealed record DoctorOptions;

/// <summary>zephyr doctor.</summary>
internal static class DoctorCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<DoctorOptions>(
        session, "doctor", "Checks this machine: libtorch, its self-tests, devices, memory.", "", Run);

    private static int Run(DoctorOptions options, CliSession session)
    {
        var report = Doctor.Examine();
        ResultTable.Write(session.Console.Results, ["what", "found", "remark"], report.Select(finding => new[] { finding.What, finding.Found, finding.Remark }));
        return report.Any(finding => finding.IsProblem) ? ExitCodes.Failed : ExitCodes.Done;
    }
}
