using TorchSharp;
using Zephyr.Runtime;

namespace Zephyr.Tests.Runtime;

public class ComputeDeviceTests
{
    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:x")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:99999999999")]
    [InlineData("CPU")]
    [InlineData("")]
    public void A_device_that_is_none_is_refused_by_name(string name) =>
        Assert.Equal($"device: found {name}, expected auto, cpu, cuda or cuda:N", ProblemOf(name));

    [Theory]
    [InlineData("cuda")]
    [InlineData("cuda:0")]
    public void Without_CUDA_the_sentence_says_how_to_get_it(string name)
    {
        Assert.SkipWhen(NativeTorch.Load().HasCuda, "this build has CUDA");
        Assert.Equal($"device: {name} was asked for, but the libtorch in use ({NativeTorch.Load().Origin}) has no CUDA; set "
            + "ZEPHYR_LIBTORCH to the lib folder of a PyTorch 2.10 with CUDA, or build with -p:Cuda=true", ProblemOf(name));
        Assert.Equal(DeviceType.CPU, ComputeDevice.Resolve("auto").type);
    }

    [Fact]
    public void The_cpu_is_always_there() => Assert.Equal(DeviceType.CPU, ComputeDevice.Resolve("cpu").type);

    private static readonly NativeTorchInfo WithCuda = new("/lib", "ZEPHYR_LIBTORCH", HasCuda: true, "2.10.0+cu130", Repaired: false) { Cuda = new(13, 0) };

    [Theory]
    [InlineData("there is no NVIDIA driver (libcuda.so.1 does not load)", null,
        "there is no NVIDIA driver (libcuda.so.1 does not load); expected a machine with an NVIDIA GPU and its driver, or device: cpu")]
    [InlineData(null, "12.4", "the driver serves CUDA up to 12.4 and libtorch 2.10.0+cu130 is built for CUDA 13.0; expected a newer driver, or a PyTorch for CUDA 12")]
    [InlineData(null, "13.0", "libtorch 2.10.0+cu130 finds no usable GPU, though the driver has one; expected a PyTorch whose CUDA fits the driver, or device: cpu")]
    [InlineData(null, null, "libtorch 2.10.0+cu130 finds no usable GPU, though the driver has one; expected a PyTorch whose CUDA fits the driver, or device: cpu")]
    public void Why_a_GPU_is_not_used_is_said_in_words(string? driver, string? serves, string expected) =>
        Assert.Equal(expected, ComputeDevice.WhyUnavailable(WithCuda, driver, serves is null ? null : Version.Parse(serves)));

    /// <summary>An older driver of the same major version serves.</summary>
    [Fact]
    public void A_minor_version_of_CUDA_is_no_reason() =>
        Assert.DoesNotContain("newer driver", ComputeDevice.WhyUnavailable(WithCuda with { Cuda = new(12, 8) }, null, new(12, 2)), StringComparison.Ordinal);

    [Theory]
    [InlineData("cuda:7", 2, "device: cuda:7 was asked for, but there are 2 CUDA devices (cuda:0 to cuda:1)")]
    [InlineData("cuda:1", 1, "device: cuda:1 was asked for, but there is one CUDA device, cuda:0")]
    public void A_device_too_many_is_refused_with_those_that_are_there(string name, int count, string expected) => Assert.Equal(expected, ComputeDevice.NoSuchDevice(name, count));

    [Fact]
    public void Tf32_is_a_switch_of_libtorchs_and_a_word_where_it_changes_nothing()
    {
        NativeTorch.Load();
        Assert.Equal("tf32: true changes nothing on the cpu, whose float32 products keep their full precision", ComputeDevice.AllowTf32(true, TorchSharp.torch.CPU));
        Assert.True(TorchSharp.torch.backends.cuda.matmul.allow_tf32 && TorchSharp.torch.backends.cudnn.allow_tf32);
        Assert.Null(ComputeDevice.AllowTf32(false, TorchSharp.torch.CPU));
        Assert.False(TorchSharp.torch.backends.cuda.matmul.allow_tf32 || TorchSharp.torch.backends.cudnn.allow_tf32);
    }

    [Theory]
    [InlineData(100, "", "the driver shows no GPU: CUDA_VISIBLE_DEVICES is ''")]
    [InlineData(100, "5", "the driver shows no GPU: CUDA_VISIBLE_DEVICES is '5'")]
    [InlineData(803, null, "the driver and its library are of different versions (a reboot after the driver's update helps)")]
    [InlineData(2, null, "the driver does not start (CUDA error 2)")]
    public void What_the_driver_answers_is_said_in_words(int result, string? visible, string expected) => Assert.Equal(expected, CudaDriver.WordsFor(result, visible));

    [Fact]
    public void Where_there_is_no_driver_nothing_is_found_and_nothing_throws()
    {
        Assert.SkipWhen(CudaDriver.Serves is not null, "this machine has a driver");
        Assert.Equal("there is no NVIDIA driver (libcuda.so.1 does not load)", CudaDriver.Problem);
        Assert.Empty(CudaDriver.Devices);
        Assert.Null(CudaDriver.Memory(0));
        Assert.Null(DeviceMemory.Used(TorchSharp.torch.CPU));
    }

    private static string ProblemOf(string name) => Assert.Throws<UserErrorException>(() => ComputeDevice.Resolve(name)).Message;
}
