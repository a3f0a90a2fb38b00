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

    private static string ProblemOf(string name) => Assert.Throws<UserErrorException>(() => ComputeDevice.Resolve(name)).Message;
}
