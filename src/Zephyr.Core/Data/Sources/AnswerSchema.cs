using static Zephyr.Data.Sources.FieldReader;

namespace Zephyr.Data.Sources;

/// <summary>A model's answer to a prompt.</summary>
/// <param name="Location">File and line or row.</param>
/// <param name="Prompt">One user turn.</param>
/// <param name="Answer">The answer.</param>
/// <param name="Source">The prompt's set, where the row says so.</param>
/// <param name="Difficulty">How hard the instruction is, in logits, where the row says so.</param>
public sealed record AnswerRow(RowLocation Location, string Prompt, string Answer, string? Source, double? Difficulty);

/// <summary>Answers of one model, as AlpacaEval's output files hold them: <c>instruction</c> and <c>output</c>, or the same under other usual names.</summary>
public static class AnswerSchema
{
    private static readonly string[] Beside = ["input", "dataset", "source", "instruction_difficulty"];

    private static readonly RowShapes<AnswerRow> Shapes = new(
        Shape("instruction", "output"), Shape("instruction", "response"), Shape("prompt", "output"), Shape("prompt", "response"), Shape("prompt", "completion"));

    /// <summary>Streams the answers of files.</summary>
    /// <exception cref="Zephyr.Runtime.UserErrorException">A file or a row that cannot be used.</exception>
    public static IEnumerable<AnswerRow> Read(IReadOnlyList<string> files) => Shapes.Read(files);

    private static RowShape<AnswerRow> Shape(string prompt, string answer) => new($"{prompt} + {answer}", [prompt, answer], Beside, row => new(
        row.Location,
        row["input"] is string input && !string.IsNullOrWhiteSpace(input) ? $"{TextOf(row.Location, prompt, row[prompt])}\n\n{input}" : TextOf(row.Location, prompt, row[prompt]),
        TextOf(row.Location, answer, row[answer]),
        (row["dataset"] ?? row["source"]) as string,
        row["instruction_difficulty"] switch { long whole => whole, double number => number, _ => null }));
}
