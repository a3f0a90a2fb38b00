namespace Zephyr.Configuration;

/// <summary>The linear maps of a decoder layer, under the checkpoint's names.</summary>
public static class ProjectionNames
{
    /// <summary>In the checkpoint's order.</summary>
    public static IReadOnlyList<string> All { get; } = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

    /// <summary>PEFT's word for all of them.</summary>
    public const string AllLinear = "all-linear";
}
