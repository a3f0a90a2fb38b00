using CsCheck;
using Zephyr.Serving;

namespace Zephyr.Tests.Serving;

public class StopStringsTests
{
    private static readonly Gen<string> Text = Gen.Char["ab"].Array[0, 30].Select(chars => new string(chars));

    private static readonly Gen<string[]> Stops = Gen.Char["ab"].Array[1, 5].Select(chars => new string(chars)).Array[0, 4];

    [Fact]
    public void However_a_text_is_cut_it_ends_before_the_stop_that_is_complete_first() => Gen.Select(Text, Stops, Gen.Int[1, 4].Array[30]).Sample((text, stops, lengths) =>
    {
        var scanner = new StopStrings(stops);
        var (shown, at) = ("", 0);
        for (var i = 0; at < text.Length && !scanner.Reached; i++)
        {
            var piece = text.Substring(at, Math.Min(lengths[i % 30], text.Length - at));
            at += piece.Length;
            shown += scanner.Append(piece);
            Assert.True(scanner.Reached || !Enumerable.Range(0, shown.Length + 1).Any(end => stops.Any(shown[..end].EndsWith)), "part of a stop string was shown");
        }
        shown += scanner.Flush();
        Assert.Equal(Naive(text, stops), (shown, scanner.Reached));
    }, iter: 2000, threads: 1);

    [Fact]
    public void What_may_be_a_beginning_is_held_back_and_no_more_than_that()
    {
        var scanner = new StopStrings(["</end>"]);
        Assert.Equal(["a", " ", "<", "</enx", ""], new[] { "a", " <", "</en", "x", "<" }.Select(scanner.Append));
        Assert.Equal("<", scanner.Flush());
    }

    private static (string Text, bool Reached) Naive(string text, string[] stops)
    {
        for (var end = 1; end <= text.Length; end++)
            if (stops.Where(text[..end].EndsWith).OrderByDescending(stop => stop.Length).FirstOrDefault() is { } found) return (text[..(end - found.Length)], true);
        return (text, false);
    }
}
