using Zephyr.Model.Quantization;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Quantization;

/// <summary>Matrices in NF4, by hand, by a plain reading of the layout, and by what they promise.</summary>
public class Nf4MatrixTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_block_of_the_code_book_itself_is_held_exactly(bool nested)
    {
        using var scope = NewDisposeScope();
        // Two equal blocks: with double quantization their largest is the mean exactly.
        var x = cat([.. Enumerable.Repeat(tensor(CodeBook.Nf4.Values) * 2, 8)]).view(2, 64);
        using var held = Nf4Matrix.Quantize(x, nested);
        byte[] bytes = [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF];
        Assert.Equal(Enumerable.Repeat(bytes, 8).SelectMany(all => all), held.Packed.data<byte>().ToArray());
        Same(x, held.Dequantize(ScalarType.Float32));
    }

    /// <summary>0.25 / 0.8 = 0.3125 lies between the bounds 0.29201 and 0.38931 and is code 11; and so on.</summary>
    [Fact]
    public void A_block_by_hand()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 0.25f, -0.8f, 0.1f, -0.05f, 0.02f, 0.4f, -0.5f });
        using var held = Nf4Matrix.Quantize(x, nested: false);
        // Codes 11 0, 9 6, 7 12, 1 and, where the row has ended, the code of 0.
        Assert.Equal([0xB0, 0x96, 0x7C, 0x17], held.Packed.data<byte>().ToArray());
        float[] expected = [0.33791524171829224f, -1, 0.16093020141124725f, -0.09105003625154495f, 0, 0.44070982933044434f, -0.6961928009986877f];
        Assert.Equal([.. expected.Select(value => value * 0.8f)], held.Dequantize(ScalarType.Float32).data<float>().ToArray());
    }

    [Fact]
    public void A_number_on_a_bound_takes_the_lower_code()
    {
        using var scope = NewDisposeScope();
        foreach (var (i, bound) in CodeBook.Nf4.Bounds.Index())
        {
            using var held = Nf4Matrix.Quantize(tensor(new[] { bound, MathF.BitIncrement(bound), 1, -1 }), nested: false);
            Assert.Equal([(byte)(i << 4 | i + 1), 0xF0], held.Packed.data<byte>().ToArray());
        }
    }

    /// <summary>The layout, read in a loop: nearest codes, the first of two in the upper half, largest numbers less their mean in blocks of 256.</summary>
    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 63)]
    [InlineData(false, 65)]
    [InlineData(false, 1000)]
    [InlineData(true, 1)]
    [InlineData(true, 127)]
    [InlineData(true, 4096)]
    [InlineData(true, 64 * 256 + 1)]
    [InlineData(true, 64 * 600 + 17)]
    public void Any_size_is_what_a_plain_reading_gives(bool nested, int count)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)count, CPU);
        var x = empty(count).normal_(0, 0.02, generator);
        using var held = Nf4Matrix.Quantize(x, nested);
        var numbers = x.data<float>().ToArray();
        var blocks = numbers.Chunk(64).ToList();
        float[] largest = [.. blocks.Select(block => block.Max(MathF.Abs))];
        var scales = nested ? Twice(largest) : largest;
        var expected = blocks.SelectMany((block, i) => block.Select(value => CodeBook.Nf4.Values[Nearest(CodeBook.Nf4, value * (1 / largest[i]))] * scales[i])).ToArray();
        Assert.Equal(expected, held.Dequantize(ScalarType.Float32).data<float>().ToArray());
        Same(tensor(expected).to_type(ScalarType.BFloat16), held.Dequantize(ScalarType.BFloat16));
        Assert.Equal((count + 1) / 2, held.Packed.numel());
        // What a plain reading promises of the numbers: half of the widest step of the code book, 0.152, times the block's largest.
        Assert.All(numbers.Zip(expected).Index(), entry => Assert.True(MathF.Abs(entry.Item.First - entry.Item.Second) <= 0.16f * largest[entry.Index / 64]));

        static float[] Twice(float[] largest)
        {
            var mean = tensor(largest).mean().item<float>();
            return [.. largest.Select(value => value - mean).Chunk(256).SelectMany(block => block.Max(MathF.Abs) is var top && top == 0 ? block
                : block.Select(value => CodeBook.Dynamic.Values[Nearest(CodeBook.Dynamic, value * (1 / top))] * top)).Select(value => value + mean)];
        }

        static int Nearest(CodeBook book, float value) => Enumerable.Range(0, book.Values.Length).MinBy(i => Math.Abs((double)book.Values[i] - value));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Zeros_stay_zeros(bool nested)
    {
        using var scope = NewDisposeScope();
        var x = rand(5, 64) - 0.5;
        x[2] = 0;
        using var held = Nf4Matrix.Quantize(x, nested);
        Assert.Equal(0, held.Dequantize(ScalarType.Float32)[2].abs().max().item<float>());
        using var empty = Nf4Matrix.Quantize(zeros(3, 50), nested);
        Same(zeros(3, 50), empty.Dequantize(ScalarType.Float32));
    }

    /// <summary>The dynamic map's widest step is 9/640: a largest number moves by at most half of that, times the largest distance from the mean in its 256 blocks.</summary>
    [Fact]
    public void Double_quantization_keeps_the_largest_numbers_to_a_142nd_of_their_spread()
    {
        using var scope = NewDisposeScope();
        var largest = rand(1000) + 0.5;
        using var scales = new BlockScales(largest.clone(), nested: true);
        var off = (scales.Values() - largest).abs();
        var spread = cat([.. (largest - largest.mean()).abs().split(256).Select(part => part.max().expand(part.shape))]);
        Assert.True((off <= spread * (0.5 * 9 / 640 + 1e-6)).all().item<bool>());
        Assert.True(off.max().item<float>() > 0);
    }

    [Fact]
    public void It_takes_four_bits_and_an_eighth()
    {
        using var scope = NewDisposeScope();
        var x = rand(512, 1024);
        using Nf4Matrix nested = Nf4Matrix.Quantize(x, nested: true), plain = Nf4Matrix.Quantize(x, nested: false);
        Assert.Equal(512 * 1024, nested.Count);
        Assert.Equal(4 + 8.0 / 64 + 32.0 / (64 * 256), 8.0 * nested.Bytes / nested.Count, 1e-4); // 4.127; the mean is one number more.
        Assert.Equal(4 + 32.0 / 64, 8.0 * plain.Bytes / plain.Count, 1e-9);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Pieces_and_data_types_change_nothing(bool nested)
    {
        using var scope = NewDisposeScope();
        var x = (rand(33, 47) - 0.5).to_type(ScalarType.BFloat16);
        using Nf4Matrix whole = Nf4Matrix.Quantize(x, nested), pieces = Nf4Matrix.Quantize(x.to_type(ScalarType.Float32), nested, piece: 128);
        foreach (var (a, b) in whole.Tensors.Zip(pieces.Tensors)) Same(a, b);
        Same(whole.Dequantize(ScalarType.Float32), pieces.Dequantize(ScalarType.Float32, piece: 192));
        Assert.Equal([33L, 47L], whole.Dequantize(ScalarType.BFloat16).shape);
        Same(whole.Dequantize(ScalarType.Float32).to_type(ScalarType.BFloat16), whole.Dequantize(ScalarType.BFloat16, piece: 64));
    }

    [Fact]
    public void Quantizing_what_was_quantized_changes_nothing_more()
    {
        using var scope = NewDisposeScope();
        using var once = Nf4Matrix.Quantize(rand(40, 64) - 0.5, nested: false);
        var x = once.Dequantize(ScalarType.Float32);
        using var twice = Nf4Matrix.Quantize(x, nested: false);
        Same(x, twice.Dequantize(ScalarType.Float32));
    }

    [Fact]
    public void Nothing_stays_behind()
    {
        Use();
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Use();
        Assert.Equal(before, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        static void Use()
        {
            using var scope = NewDisposeScope();
            using Nf4Matrix nested = Nf4Matrix.Quantize(rand(9, 70), nested: true), plain = Nf4Matrix.Quantize(rand(9, 70), nested: false);
            nested.Dequantize(ScalarType.BFloat16);
            plain.Dequantize(ScalarType.Float32);
        }
    }

    private static void Same(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.Equal(expected.dtype, actual.dtype);
        Assert.True(expected.equal(actual).all().item<bool>());
    }
}
