using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Zephyr.Configuration;

/// <summary>Writes a value as the YAML that reads back as the same value.</summary>
public static partial class YamlText
{
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>One line of YAML.</summary>
    /// <param name="value">string, bool, int, long, double, a list of strings or numbers, names with numbers, or null.</param>
    public static string Of(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        double number => number.ToString("R", CultureInfo.InvariantCulture).ToLowerInvariant(),
        string text => Quoted(text),
        IEnumerable<string> list => $"[{string.Join(", ", list.Select(Quoted))}]",
        IEnumerable<double> list => $"[{string.Join(", ", list.Select(number => Of(number)))}]",
        IEnumerable<KeyValuePair<string, double>> map => $"{{{string.Join(", ", map.Select(entry => $"{Quoted(entry.Key)}: {Of(entry.Value)}"))}}}",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new NotSupportedException($"a configuration value cannot be {value.GetType()}"),
    };

    // A JSON string is a YAML double-quoted string.
    private static string Quoted(string text) =>
        PlainForm().IsMatch(text) && YamlScalar.Classify(text) == ScalarKind.Text ? text : JsonSerializer.Serialize(text, Relaxed);

    /// <summary>Letters that mean nothing to YAML in any position.</summary>
    [GeneratedRegex(@"^[A-Za-z0-9_./][A-Za-z0-9_./+=~-]*\z")]
    private static partial Regex PlainForm();
}
