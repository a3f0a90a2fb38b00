using CsCheck;

namespace Zephyr.Tests.Feedback.Judging;

/// <summary>Samples that are the same in every run of the tests: each has a seed of its own, by which it can be made again.</summary>
internal static class FixedSample
{
    public static void ForEach<T>(this Gen<T> generator, Action<T> check, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var value = generator.Generate(new PCG((uint)i, 20_231_016), null, out _);
            try
            {
                check(value);
            }
            catch (Exception error)
            {
                throw new Xunit.Sdk.XunitException($"sample {i}: {value}", error);
            }
        }
    }

    public static void ForEach<T1, T2>(this Gen<(T1, T2)> generator, Action<T1, T2> check, int count) => generator.ForEach(value => check(value.Item1, value.Item2), count);

    public static void ForEach<T1, T2, T3>(this Gen<(T1, T2, T3)> generator, Action<T1, T2, T3> check, int count) =>
        generator.ForEach(value => check(value.Item1, value.Item2, value.Item3), count);

    public static void ForEach<T1, T2, T3, T4>(this Gen<(T1, T2, T3, T4)> generator, Action<T1, T2, T3, T4> check, int count) =>
        generator.ForEach(value => check(value.Item1, value.Item2, value.Item3, value.Item4), count);
}
