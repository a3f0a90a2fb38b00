using Zephyr.Tests.Cli;

namespace Zephyr.Tests.Pipeline;

/// <summary>Keys that are a GPU's, on the CPU: refused where the numbers would come another way than was asked for, told where nothing changes.</summary>
public sealed class DeviceKeysTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft", "--attn_implementation", "flash_attention_2")]
    [InlineData("dpo", "--attn_implementation", "flash_attention_2")]
    [InlineData("sft", "--use_flash_attention_2", "true")]
    public void Flash_attention_on_the_CPU_is_refused_before_anything_is_loaded(string stage, string option, string value)
    {
        var run = Run(stage, option, value);
        Assert.Equal((2, "zephyr: attn_implementation: flash_attention_2 was asked for, but it runs on CUDA and the device is cpu; expected auto or sdpa\n"), (run.Code, run.Error));
    }

    [Theory]
    [InlineData("--attn_implementation", "sdpa")]
    [InlineData("--use_flash_attention_2", "false")]
    public void Sequence_by_sequence_is_what_the_CPU_does(string option, string value) => Assert.Equal(0, Run("sft", option, value).Code);

    [Fact]
    public void Tf32_on_the_CPU_is_told() =>
        Assert.Contains("tf32: true changes nothing on the cpu, whose float32 products keep their full precision", Run("sft", "--tf32", "true").Output, StringComparison.Ordinal);

    private CliRun Run(string stage, string option, string value) =>
        CliRun.Of([stage, .. _world.KeysOf(stage, "out").SelectMany(entry => new[] { $"--{entry.Key}", entry.Value }), "--dry-run", option, value]);
}
