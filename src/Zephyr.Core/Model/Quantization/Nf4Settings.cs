using Zephyr.Configuration;

namespace Zephyr.Model.Quantization;

/// <summary>How a model's weights are held in 4 bits.</summary>
/// <param name="Nested">With double quantization.</param>
public sealed record Nf4Settings(bool Nested)
{
    /// <summary>What a run asks for; null where its weights are held whole.</summary>
    public static Nf4Settings? Of(ModelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.LoadIn4Bit ? new(options.UseBnbNestedQuant) : null;
    }

    /// <summary>What a command asks for that loads a model; null where its weights are held whole.</summary>
    public static Nf4Settings? Of(LoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.LoadIn4Bit ? new(options.UseBnbNestedQuant) : null;
    }

    /// <summary>Whether a weight is held so: all linear maps of the layers are. Embedding, norms and head are not, as in transformers.</summary>
    /// <param name="name">The checkpoint's name.</param>
    public static bool Holds(string name) => ProjectionNames.All.Any(projection => name.EndsWith($".{projection}.weight", StringComparison.Ordinal));

    /// <summary>What a matrix takes.</summary>
    /// <param name="count">Its numbers.</param>
    /// <returns>Bytes.</returns>
    public long BytesOf(long count)
    {
        var blocks = (count + Nf4Matrix.Block - 1) / Nf4Matrix.Block;
        return (count + 1) / 2 + (Nested ? blocks + 4 * ((blocks + 255) / 256) + 4 : 4 * blocks);
    }

    /// <summary>In words, for the record of a run.</summary>
    public string Words => Nested ? "linear maps in NF4 with double quantization" : "linear maps in NF4";
}
