using System.Diagnostics;
using Zephyr.Tests.Pipeline;

namespace Zephyr.Tests.Cli;

/// <summary>What a run writes has the permissions that the user's umask gives, as if any other program had written it.</summary>
public sealed class OutputPermissionsTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("022")]
    [InlineData("077")]
    [InlineData("002")]
    public void The_umask_decides(string umask)
    {
        Run(umask, "dpo", [.. _world.KeysOf("dpo", "out", ("reference", "cached"), ("max_steps", "4"), ("report_to", "tensorboard"), ("max_shard_size", "50KB")).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })]);
        Run(umask, "aif", ["--feedback", _world.Feedback, "--output_dir", _world.PathOf("aif")]);
        var masked = Convert.ToInt32(umask, 8);
        foreach (var output in new[] { "out", "aif" })
        {
            Assert.Equal(Octal(0b111_111_111 & ~masked), ModeOf(_world.PathOf(output)));
            foreach (var path in Directory.EnumerateFileSystemEntries(_world.PathOf(output), "*", SearchOption.AllDirectories))
                Assert.True(ModeOf(path) == Octal((Directory.Exists(path) ? 0b111_111_111 : 0b110_110_110) & ~masked), $"{path} has {ModeOf(path)} under umask {umask}");
        }
        Assert.Contains("checkpoint-4", _world.Names("out"));
    }

    private static void Run(string umask, string stage, string[] args)
    {
        string[] words = ["-c", "umask $0; exec \"$@\"", umask, Path.Combine(AppContext.BaseDirectory, "zephyr"), stage, .. args];
        using var process = Process.Start(new ProcessStartInfo("sh", words) { RedirectStandardError = true, RedirectStandardOutput = true, Environment = { ["OMP_NUM_THREADS"] = "1" } })!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
    }

    private static string ModeOf(string path) => Octal((int)File.GetUnixFileMode(path));

    private static string Octal(int mode) => Convert.ToString(mode, 8);
}
