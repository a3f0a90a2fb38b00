using System.Text.RegularExpressions;

namespace Zephyr.Configuration;

/// <summary>What YAML 1.2's core schema takes a plain scalar for.</summary>
internal enum ScalarKind
{
    Null,
    Flag,
    Whole,
    Number,
    Text,
}

/// <summary>A value as it stands in the file, before the key's type is known.</summary>
internal abstract record YamlValue(int Line);

/// <summary>A single value; quoted ones are always text.</summary>
internal sealed partial record YamlScalar(int Line, string Text, bool Quoted) : YamlValue(Line)
{
    public ScalarKind Kind => Quoted ? ScalarKind.Text : Classify(Text);

    public static ScalarKind Classify(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => ScalarKind.Null,
        "true" or "True" or "TRUE" or "false" or "False" or "FALSE" => ScalarKind.Flag,
        _ when WholeForm().IsMatch(text) => ScalarKind.Whole,
        _ when NumberForm().IsMatch(text) => ScalarKind.Number,
        _ => ScalarKind.Text,
    };

    [GeneratedRegex(@"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\z")]
    private static partial Regex WholeForm();

    // 2e-5 without a dot is a number here, unlike in YAML 1.1, where PyYAML makes it text.
    [GeneratedRegex(@"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\z")]
    private static partial Regex NumberForm();
}

/// <summary>A list; null stands for an item that is itself a list or mapping.</summary>
internal sealed record YamlList(int Line, IReadOnlyList<YamlScalar?> Items) : YamlValue(Line);

/// <summary>A mapping inside the file's own; null stands for a value that is itself a list or mapping.</summary>
internal sealed record YamlMapping(int Line, IReadOnlyList<KeyValuePair<string, YamlScalar?>> Items) : YamlValue(Line);

/// <summary>What could not be read at all.</summary>
internal sealed record YamlInvalid(int Line, string Message) : YamlValue(Line);
