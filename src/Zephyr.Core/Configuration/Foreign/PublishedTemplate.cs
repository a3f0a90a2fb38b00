using System.Text.RegularExpressions;

namespace Zephyr.Configuration.Foreign;

/// <summary>The Zephyr chat template in the words of the handbook's recipes and the released models' tokenizer_config.json.</summary>
internal static partial class PublishedTemplate
{
    /// <summary>It, as it stands there.</summary>
    public const string Jinja =
        """
        {% for message in messages %}
        {% if message['role'] == 'user' %}
        {{ '<|user|>
        ' + message['content'] + eos_token }}
        {% elif message['role'] == 'system' %}
        {{ '<|system|>
        ' + message['content'] + eos_token }}
        {% elif message['role'] == 'assistant' %}
        {{ '<|assistant|>
        ' + message['content'] + eos_token }}
        {% endif %}
        {% if loop.last and add_generation_prompt %}
        {{ '<|assistant|>' }}
        {% endif %}
        {% endfor %}
        """;

    /// <summary>Whether a text is that template, but for the number of blanks and for how its line breaks are written.</summary>
    public static bool IsIt(string template) => Normalise(template) == Normalise(Jinja);

    // In a plain or single-quoted YAML text, and in jinja itself, a line break inside quotes is written \n.
    private static string Normalise(string template) =>
        Blanks().Replace(template.Replace("\\n", "\n", StringComparison.Ordinal).ReplaceLineEndings("\n"), " ").Trim();

    [GeneratedRegex("[ \t]+")]
    private static partial Regex Blanks();
}
