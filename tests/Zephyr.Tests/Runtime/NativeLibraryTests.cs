using System.Diagnostics;
using System.Text.RegularExpressions;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Runtime;

/// <summary>The program as a process of its own: which native libraries it finds, and what it says where it finds none.</summary>
public sealed class NativeLibraryTests : IDisposable
{
    private static readonly string Shipped = Path.Combine(AppContext.BaseDirectory, "libtorch");
    private static readonly string Model = Path.Combine(SharedFolder.RepositoryRoot, "tests/Zephyr.Tests/Golden/model/sw8/policy");

    private readonly TempFolder _folder = new();

    [Fact]
    public async Task Two_programs_may_make_the_repaired_copy_at_once_and_a_damaged_one_is_replaced()
    {
        Assert.SkipUnless(NativeTorch.Load().Repaired, "this system's libstdc++ needs no repaired copy");
        var runs = await Task.WhenAll(Score(), Score());
        Assert.All(runs, AssertScored);
        var copy = Assert.Single(Directory.GetFiles(Path.Combine(Cache, "zephyr")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(copy)!));

        var good = File.ReadAllBytes(copy);
        var altered = good.ToArray();
        altered[5000] ^= 1;
        foreach (var damaged in new[] { altered, good[..1000] })
        {
            // Aside and renamed: written in place, the file would change under programs that have it loaded.
            File.WriteAllBytes(copy + ".bad", damaged);
            File.Move(copy + ".bad", copy, overwrite: true);
            AssertScored(await Score());
            Assert.Equal(good, File.ReadAllBytes(copy));
            Assert.Single(Directory.GetFiles(Path.Combine(Cache, "zephyr")));
        }
    }

    [Fact]
    public async Task A_cache_that_cannot_be_written_is_one_sentence()
    {
        Assert.SkipUnless(NativeTorch.Load().Repaired, "this system's libstdc++ needs no repaired copy");
        _folder.Write("cache", "a file where a folder belongs");
        var run = await Score();
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Equal($"zephyr: {Shipped}/libLibTorchSharp.so needs GLIBCXX_3.4.32, which this system's libstdc++ is too old for, and no repaired copy could be kept in "
            + $"{Cache}/zephyr and loaded from there (Could not find a part of the path '{Cache}/zephyr'); set XDG_CACHE_HOME to a folder that you may write and "
            + "execute in, or use a system with GCC 13's libstdc++ (Debian 13, Ubuntu 24.04)\n", run.Error);
        var doctor = await Run(["doctor"]);
        Assert.Equal((1, ""), (doctor.Code, doctor.Error));
        Assert.Contains($"not usable {Shipped}/libLibTorchSharp.so needs GLIBCXX_3.4.32", doctor.Output);
    }

    [Fact]
    public async Task A_libtorch_that_is_not_there_is_one_sentence()
    {
        var run = await Score(libtorch: "/nowhere");
        Assert.Equal(new(2, "", "zephyr: ZEPHYR_LIBTORCH=/nowhere: there is no libtorch_cpu.so in that folder; give the lib folder of a PyTorch 2.10 install "
            + "(<site-packages>/torch/lib), or unset the variable to use the libtorch shipped with the program\n"), run);
        Assert.Equal(1, (await Run(["doctor"], "/nowhere")).Code);
    }

    [Fact]
    public async Task A_library_that_stops_in_the_middle_is_one_sentence_and_not_a_crash()
    {
        var lib = LinkShipped();
        var torn = Path.Combine(lib, "libtorch_cpu.so");
        File.Delete(torn);
        using (var whole = File.OpenRead(Path.Combine(Shipped, "libtorch_cpu.so")))
        {
            var start = new byte[100_000];
            whole.ReadExactly(start);
            File.WriteAllBytes(torn, start);
        }
        Assert.Equal(new(2, "", $"zephyr: {torn} does not load (the file ends in the middle); reinstall it, or set ZEPHYR_LIBTORCH to the lib folder of a PyTorch 2.10 install\n"), await Score(lib));
        File.Delete(Path.Combine(lib, "libc10.so"));
        Assert.StartsWith($"zephyr: {lib}/libc10.so does not load (Could not find file '{lib}/libc10.so'.); reinstall", (await Score(lib)).Error);
    }

    [Fact]
    public async Task Another_libtorch_of_this_version_serves_and_the_doctor_says_which()
    {
        var lib = LinkShipped();
        _folder.Write("torch/version.py", "from typing import Optional\n__version__ = '2.10.0+cpu'\n");
        AssertScored(await Score(lib));
        var doctor = await Run(["doctor"], lib);
        Assert.Equal((0, ""), (doctor.Code, doctor.Error));
        Assert.Contains($" ZEPHYR_LIBTORCH {lib} ", doctor.Output);
        Assert.Contains($" libtorch 2.10.0+cpu in {lib} ZEPHYR_LIBTORCH ", doctor.Output);
        Assert.Contains(" self-tests all passed ", doctor.Output);
    }

    /// <summary>PyTorch's CUDA build has NVIDIA's libraries in packages beside it: what the dynamic loader misses is found there, and what that misses.</summary>
    [Fact]
    public void What_a_library_needs_is_found_in_the_packages_beside_it()
    {
        string cuda = _folder.Write("torch/lib/libtorch_cuda.so", ""), runtime = _folder.Write("nvidia/cu13/lib/libcudart.so.13", "");
        string blas = _folder.Write("nvidia/cublas/lib/libcublas.so.13", ""), light = _folder.Write("nvidia/cu13/lib/libcublasLt.so.13", "");
        var needs = new Dictionary<string, string[]> { [cuda] = ["libcudart.so.13", "libcublas.so.13"], [blas] = ["libcublasLt.so.13"], [runtime] = [], [light] = [] };
        List<string> loaded = [];
        var dependencies = NativeDependencies.Of(Path.GetDirectoryName(cuda)!, path =>
        {
            if (needs[path].FirstOrDefault(name => !loaded.Any(file => Path.GetFileName(file) == name)) is { } missing)
                throw new DllNotFoundException($"Unable to load shared library '{path}' or one of its dependencies.\n{missing}: cannot open shared object file: No such file or directory\n");
            loaded.Add(path);
            return loaded.Count;
        });
        Assert.Equal(4, dependencies.Load(cuda));
        Assert.Equal([runtime, light, blas, cuda], loaded);
        needs[cuda] = ["libnowhere.so.1"];
        Assert.Contains("libnowhere.so.1: cannot open shared object file", Assert.Throws<DllNotFoundException>(() => dependencies.Load(cuda)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_libtorch_of_its_own_the_program_takes_the_one_of_the_Python_on_the_path()
    {
        var app = Directory.CreateDirectory(_folder.PathOf("app/libtorch")).Parent!.FullName;
        foreach (var file in Directory.GetFiles(AppContext.BaseDirectory).Where(file => Path.GetExtension(file) is ".dll" or ".json" or "")) File.Copy(file, Path.Combine(app, Path.GetFileName(file)));
        File.Copy(Path.Combine(Shipped, "libLibTorchSharp.so"), Path.Combine(app, "libtorch/libLibTorchSharp.so"));
        var python = _folder.Write("bin/python3", $"#!/bin/sh\necho '{_folder.PathOf("torch")}'\n");
        File.SetUnixFileMode(python, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var path = Path.GetDirectoryName(python) + ":/usr/bin:/bin";

        var none = await Run(["doctor"], app: app, path: path);
        Assert.Equal((1, ""), (none.Code, none.Error));
        Assert.Contains($"not usable libtorch was found neither in {app}/libtorch nor through ZEPHYR_LIBTORCH nor as a PyTorch of the Python on the PATH; install one (pip install \"torch==2.10.*\"), "
            + "or set ZEPHYR_LIBTORCH to the lib folder of a PyTorch 2.10 install (<site-packages>/torch/lib)", none.Output);
        LinkShipped();
        var found = await Run(["doctor"], app: app, path: path);
        Assert.Equal((0, ""), (found.Code, found.Error));
        Assert.Contains($" libtorch 2.10 in {_folder.PathOf("torch/lib")} the Python on the PATH ", found.Output);
    }

    [Theory]
    [InlineData("Unable to load shared library '/x/libtorch_cuda.so' ...:\nlibcudart.so.13: cannot open shared object file: No such file or directory\n", "libcudart.so.13")]
    [InlineData("Unable to load:\n/x/libtorch_cuda.so: cannot open shared object file: No such file or directory\n", null)]
    [InlineData("libtorch_cuda.so: cannot open shared object file: No such file or directory", null)]
    [InlineData("/x/libtorch_cuda.so: undefined symbol: cudaFoo", null)]
    public void The_library_that_is_missed_is_read_off_the_loaders_words(string message, string? missing) =>
        Assert.Equal(missing, NativeDependencies.MissingIn(new DllNotFoundException(message), "/x/libtorch_cuda.so"));

    public void Dispose() => _folder.Dispose();

    private string Cache => _folder.PathOf("cache");

    /// <summary>The shipped libtorch as it stands in a PyTorch install, without TorchSharp's own library.</summary>
    private string LinkShipped()
    {
        var lib = Directory.CreateDirectory(_folder.PathOf("torch/lib")).FullName;
        foreach (var file in Directory.GetFiles(Shipped).Where(file => !file.EndsWith("libLibTorchSharp.so", StringComparison.Ordinal)))
            File.CreateSymbolicLink(Path.Combine(lib, Path.GetFileName(file)), file);
        return lib;
    }

    private Task<Result> Score(string? libtorch = null)
    {
        var ids = _folder.PathOf("ids.jsonl");
        if (!File.Exists(ids)) File.WriteAllText(ids, "{\"prompt_ids\": [1], \"completion_ids\": [5]}\n");
        return Run(["score", "--model", Model, "--ids", ids, "--json"], libtorch);
    }

    private static void AssertScored(Result run) => Assert.Equal(new(0, "[{\"sum_logp\":-7.05,\"tokens\":1}]\n", ""),
        run with { Output = Regex.Replace(run.Output, @"(?<=\.\d\d)\d+", "") });

    private async Task<Result> Run(string[] args, string? libtorch = null, string? app = null, string? path = null)
    {
        var start = new ProcessStartInfo(Path.Combine(app ?? AppContext.BaseDirectory, "zephyr"), args) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["XDG_CACHE_HOME"] = Cache;
        start.Environment["ZEPHYR_LIBTORCH"] = libtorch ?? "";
        if (path is not null) start.Environment["PATH"] = path;
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        // Tables are padded to the widest cell.
        return new(process.ExitCode, Regex.Replace(await output, " +", " "), await error);
    }

    private sealed record Result(int Code, string Output, string Error);
}
