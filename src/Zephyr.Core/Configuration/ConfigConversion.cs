using System.Globalization;
using System.Numerics;

namespace Zephyr.Configuration;

/// <summary>Gives a YAML value the type of its key, or says what was found and what was expected. Nothing is coerced.</summary>
internal static class ConfigConversion
{
    private const string Range = "0 or a number from 1e-30 to 1e15 in size";

    /// <param name="key">The key.</param>
    /// <param name="value">What stands there.</param>
    /// <param name="fromOption">On a command line everything is text to begin with: a folder may be called 2024 without quotes.</param>
    /// <param name="result">The value in the key's type.</param>
    /// <returns>The problem, or null.</returns>
    public static string? Convert(ConfigKey key, YamlValue value, bool fromOption, out object? result)
    {
        result = key.Nullable ? null : key.Default;
        if (value is YamlInvalid invalid) return invalid.Message;
        if (value is YamlScalar { Kind: ScalarKind.Null }) return null;
        return key.Kind switch
        {
            ConfigKind.TextList => ToList(value, fromOption, out result),
            ConfigKind.NumberList => ToNumbers(value, out result),
            ConfigKind.NumberMap => ToMap(value, out result),
            _ when value is not YamlScalar => Mismatch(value, Expected(key.Kind)),
            ConfigKind.Text when value is YamlScalar { Quoted: true, Text: "" } && !key.Required && !key.Verbatim =>
                "found an empty text, expected text, or null for none",
            ConfigKind.Text => ToText((YamlScalar)value, fromOption, "text", out result),
            ConfigKind.Flag => ToFlag((YamlScalar)value, out result),
            ConfigKind.Whole => ToWhole((YamlScalar)value, int.MinValue, int.MaxValue, number => (int)number, out result),
            ConfigKind.LongWhole => ToWhole((YamlScalar)value, long.MinValue, long.MaxValue, number => (long)number, out result),
            _ => ToNumber((YamlScalar)value, out result),
        };
    }

    private static string? ToText(YamlScalar scalar, bool fromOption, string expected, out object? result)
    {
        result = scalar.Text;
        if (scalar.Kind == ScalarKind.Text || fromOption) return null;
        return Mismatch(scalar, expected) + (scalar.Kind == ScalarKind.Null ? "" : $": put it in quotes");
    }

    private static string? ToList(YamlValue value, bool fromOption, out object? result)
    {
        const string expected = "text or a list of texts";
        result = null;
        if (value is YamlMapping) return Mismatch(value, expected);
        var texts = new List<string>();
        foreach (var item in value is YamlList list ? list.Items : [(YamlScalar)value])
        {
            if (item is null) return $"found a list or mapping inside the list, expected {expected}";
            if (ToText(item, fromOption, expected, out var text) is { } problem) return problem;
            if (item.Text.Length == 0) return $"found an empty text, expected {expected}";
            texts.Add((string)text!);
        }

        result = texts.AsReadOnly();
        return null;
    }

    private static string? ToNumbers(YamlValue value, out object? result)
    {
        const string expected = "a number or a list of numbers";
        result = null;
        if (value is YamlMapping) return Mismatch(value, expected);
        var numbers = new List<double>();
        foreach (var item in value is YamlList list ? list.Items : [(YamlScalar)value])
        {
            if (item is null) return $"found a list or mapping inside the list, expected {expected}";
            if (ToNumber(item, out var number) is not null) return Mismatch(item, IsNumber(item) ? Range : expected);
            numbers.Add((double)number!);
        }

        result = numbers.AsReadOnly();
        return null;
    }

    private static string? ToMap(YamlValue value, out object? result)
    {
        result = null;
        if (value is not YamlMapping mapping) return Mismatch(value, "names with a number each, {name: number}");
        var numbers = new OrderedDictionary<string, double>();
        foreach (var (name, item) in mapping.Items)
        {
            if (item is null) return $"found a list or mapping at {name}, expected a number";
            if (ToNumber(item, out var number) is not null) return $"found {Describe(item)} at {name}, expected {(IsNumber(item) ? Range : "a number")}";
            if (!numbers.TryAdd(name, (double)number!)) return $"names {name} twice";
        }

        result = new System.Collections.ObjectModel.ReadOnlyDictionary<string, double>(numbers);
        return null;
    }

    private static string? ToFlag(YamlScalar scalar, out object? result)
    {
        result = scalar.Kind == ScalarKind.Flag && scalar.Text[0] is 't' or 'T';
        return scalar.Kind == ScalarKind.Flag ? null : Mismatch(scalar, Expected(ConfigKind.Flag));
    }

    private static string? ToWhole(YamlScalar scalar, BigInteger least, BigInteger most, Func<BigInteger, object> narrow, out object? result)
    {
        result = null;
        if (scalar.Kind != ScalarKind.Whole) return Mismatch(scalar, Expected(ConfigKind.Whole));
        var number = ParseWhole(scalar.Text);
        if (number < least || number > most) return Mismatch(scalar, $"a whole number from {least} to {most}");
        result = narrow(number);
        return null;
    }

    private static string? ToNumber(YamlScalar scalar, out object? result)
    {
        result = null;
        if (!IsNumber(scalar)) return Mismatch(scalar, Expected(ConfigKind.Number));
        result = scalar.Kind == ScalarKind.Whole ? (double)ParseWhole(scalar.Text) : scalar.Text.TrimStart('+').ToLowerInvariant() switch
        {
            ".inf" => double.PositiveInfinity,
            "-.inf" => double.NegativeInfinity,
            ".nan" => double.NaN,
            var digits => double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture),
        };
        return Fits((double)result) ? null : Mismatch(scalar, Range);
    }

    /// <summary>
    /// Whether float32 holds the number, its inverse, and its product with another: libtorch throws at one that it cannot. Whether a number may be
    /// infinite is its key's to say.
    /// </summary>
    private static bool Fits(double number) => number == 0 || !double.IsFinite(number) || Math.Abs(number) is >= 1e-30 and <= 1e15;

    private static bool IsNumber(YamlScalar scalar) => scalar.Kind is ScalarKind.Whole or ScalarKind.Number;

    private static BigInteger ParseWhole(string text) => text switch
    {
        // The leading zero keeps BigInteger from taking the first digit for a sign.
        ['0', 'x', .. var digits] => BigInteger.Parse("0" + digits, NumberStyles.HexNumber),
        ['0', 'o', .. var digits] => digits.Aggregate(BigInteger.Zero, (number, digit) => number * 8 + (digit - '0')),
        _ => BigInteger.Parse(text, CultureInfo.InvariantCulture),
    };

    private static string Mismatch(YamlValue value, string expected) => $"found {Describe(value)}, expected {expected}";

    private static string Describe(YamlValue value) => value switch
    {
        YamlList => "a list",
        YamlMapping => "a mapping",
        YamlScalar { Kind: ScalarKind.Null } => "nothing (null)",
        YamlScalar { Kind: ScalarKind.Flag } flag => flag.Text,
        YamlScalar { Kind: ScalarKind.Text } text => $"the text \"{Shorten(text.Text)}\"",
        YamlScalar number => $"the number {Shorten(number.Text)}",
        _ => "something else",
    };

    private static string Shorten(string text) =>
        string.Concat((text.Length > 60 ? text[..60] + "..." : text).Select(c => char.IsControl(c) ? ' ' : c));

    private static string Expected(ConfigKind kind) => kind switch
    {
        ConfigKind.Flag => "true or false",
        ConfigKind.Whole or ConfigKind.LongWhole => "a whole number",
        ConfigKind.Number => "a number",
        _ => "text",
    };
}
