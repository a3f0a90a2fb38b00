using System.Diagnostics;

namespace Zephyr.Runtime;

/// <summary>The PyTorch of the Python on the PATH, which is how most GPU machines have libtorch already.</summary>
internal static class PythonTorch
{
    /// <summary>Finds the package without importing it, which would take seconds.</summary>
    private const string Question = "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s and s.submodule_search_locations else '')";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>&lt;site-packages&gt;/torch/lib; null where there is no Python or no PyTorch in it.</summary>
    public static string? Library => new[] { "python3", "python" }.Select(Ask).FirstOrDefault(folder => folder is not null);

    private static string? Ask(string python)
    {
        try
        {
            // -P: a file torch.py where the program is started is not a PyTorch; older Pythons do not know it, and are asked without.
            return Answer(python, "-P", "-c", Question) ?? Answer(python, "-c", Question);
        }
        catch (Exception error) when (error is System.ComponentModel.Win32Exception or InvalidOperationException or IOException)
        {
            return null;
        }
    }

    private static string? Answer(string python, params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(python, args) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
        process.StandardInput.Close();
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            return null;
        }
        var folder = Path.Combine(output.GetAwaiter().GetResult().Trim(), "lib");
        return process.ExitCode == 0 && File.Exists(Path.Combine(folder, NativeTorch.Core)) ? folder : null;
    }
}
