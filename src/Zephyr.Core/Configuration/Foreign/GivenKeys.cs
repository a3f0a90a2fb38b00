using System.Globalization;

namespace Zephyr.Configuration.Foreign;

/// <summary>Everything a file and its options say, by canonical name, options winning: some keys mean something only beside others.</summary>
/// <param name="values">What stands there.</param>
internal sealed class GivenKeys(IReadOnlyDictionary<string, YamlValue> values)
{
    /// <summary>Whether the key is given and not left empty.</summary>
    public bool Has(string key) => values.TryGetValue(key, out var value) && !value.IsEmpty();

    /// <summary>The text of a single value; <paramref name="otherwise"/> where the key is not given.</summary>
    public string Text(string key, string otherwise) => Has(key) && values[key] is YamlScalar scalar ? scalar.Text : otherwise;

    /// <summary>Whether the key has this value.</summary>
    public bool Says(string key, string text) => values.TryGetValue(key, out var value) && value.Says(text);
}

/// <summary>Questions to a value before its type is known.</summary>
internal static class YamlValues
{
    /// <summary>Whether it is this single value: "true" is True too, "0" is 0.0 too.</summary>
    public static bool Says(this YamlValue value, string text) => value is YamlScalar scalar && (scalar.Kind, YamlScalar.Classify(text)) switch
    {
        (ScalarKind.Null, var kind) => kind == ScalarKind.Null,
        (ScalarKind.Flag, ScalarKind.Flag) => string.Equals(scalar.Text, text, StringComparison.OrdinalIgnoreCase),
        (ScalarKind.Whole or ScalarKind.Number, ScalarKind.Whole or ScalarKind.Number) => scalar.AsNumber() == double.Parse(text, CultureInfo.InvariantCulture),
        _ => scalar.Text == text,
    };

    /// <summary>Whether nothing stands there: null, an empty text, list or mapping.</summary>
    public static bool IsEmpty(this YamlValue value) => value switch
    {
        YamlScalar scalar => scalar.Kind == ScalarKind.Null || scalar.Text.Length == 0,
        YamlList list => list.Items.Count == 0,
        YamlMapping mapping => mapping.Items.Count == 0,
        _ => false,
    };

    /// <summary>The number, NaN where it is none.</summary>
    public static double AsNumber(this YamlScalar scalar) =>
        scalar.Kind is ScalarKind.Whole or ScalarKind.Number && double.TryParse(scalar.Text, CultureInfo.InvariantCulture, out var number) ? number : double.NaN;

    /// <summary>Another text in the same place.</summary>
    public static YamlScalar With(this YamlValue value, string text) => new(value.Line, text, Quoted: false);

    /// <summary>The items of a list, or the value itself as the only one.</summary>
    public static IReadOnlyList<YamlScalar?> Items(this YamlValue value) => value switch
    {
        YamlList list => list.Items,
        YamlScalar scalar => [scalar],
        _ => [null],
    };
}
