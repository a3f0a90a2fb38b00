using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Zephyr.Configuration;

namespace Zephyr.Pipeline;

/// <summary>The one command that does a run again, into a folder beside its own.</summary>
internal static partial class RepeatCommand
{
    private const string OutputDir = "output_dir";

    /// <summary>A line for a shell: every value that is not the default, whatever file or option it came from, from the folder that relative paths start at.</summary>
    /// <param name="stage">sft, aif or dpo.</param>
    /// <param name="config">Each key with its value and origin.</param>
    /// <param name="folder">The working folder of the run.</param>
    /// <param name="resume">A checkpoint of another folder that the run begins from; null for none.</param>
    public static string Of(string stage, JsonObject config, string folder, string? resume)
    {
        var options = config.Where(key => key.Key == OutputDir || (key.Key != "overwrite_output_dir" && (string?)key.Value!["origin"] != ResolvedKey.Default))
            .Select(key => $"--{key.Key} {Quoted(key.Key == OutputDir ? $"{Path.TrimEndingDirectorySeparator((string)key.Value!["value"]!)}-again" : TextOf(key.Value!["value"]))}");
        return $"cd {Quoted(folder)} && zephyr {stage} {string.Join(' ', options)}{(resume is null ? "" : $" --resume {Quoted(resume)}")}";
    }

    /// <summary>JSON is YAML, which options are read as; a text alone is written as YAML writes it.</summary>
    private static string TextOf(JsonNode? value) => value switch
    {
        null => "null",
        JsonValue text when text.TryGetValue<string>(out var content) => YamlText.Of(content),
        _ => value.ToJsonString(),
    };

    private static string Quoted(string word) => Plain().IsMatch(word) ? word : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    [GeneratedRegex(@"^[A-Za-z0-9_./:=,+-]+\z")]
    private static partial Regex Plain();
}
