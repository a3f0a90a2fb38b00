using static Zephyr.Data.Sources.FieldReader;

namespace Zephyr.Data.Sources;

/// <summary>A question of MT-Bench's shape.</summary>
/// <param name="Location">File and line or row.</param>
/// <param name="Id">Its number, as text.</param>
/// <param name="Category">writing, math, ...</param>
/// <param name="Turns">One turn of the user, or two.</param>
/// <param name="References">A right answer for each turn; null where the row has none.</param>
public sealed record MtBenchQuestion(RowLocation Location, string Id, string Category, IReadOnlyList<string> Turns, IReadOnlyList<string>? References);

/// <summary>Answers to a question, a model's or the reference.</summary>
/// <param name="Location">File and line or row.</param>
/// <param name="Id">The question's number.</param>
/// <param name="Turns">One answer a turn.</param>
public sealed record MtBenchAnswer(RowLocation Location, string Id, IReadOnlyList<string> Turns);

/// <summary>A judgment that somebody recorded.</summary>
/// <param name="Location">File and line or row.</param>
/// <param name="Id">The question's number.</param>
/// <param name="Model">Whose answer it is; empty where the row does not say.</param>
/// <param name="Turn">1 or 2.</param>
/// <param name="Judgment">What the judge wrote; null where the row does not say.</param>
/// <param name="Score">The score that was recorded, -1 for none; null where the row does not say.</param>
public sealed record MtBenchJudgment(RowLocation Location, string Id, string Model, int Turn, string? Judgment, double? Score);

/// <summary>The files of MT-Bench, in the layout of the program that made it: question.jsonl, model_answer/*.jsonl, reference_answer/*.jsonl, model_judgment/*.jsonl.</summary>
public static class MtBenchFiles
{
    private const string TextList = "a list of one text or two", Choices = "a list of {index, turns}";

    private static readonly RowShapes<MtBenchQuestion> QuestionShapes = new(new RowShape<MtBenchQuestion>("question_id + category + turns", ["question_id", "category", "turns"], ["reference"], row =>
        new(row.Location, Id(row), TextOf(row.Location, "category", row["category"]), Turns(row.Location, "turns", row["turns"]),
            row["reference"] is IReadOnlyList<object?> { Count: > 0 } references && references.All(item => item is string) ? [.. references.Cast<string>()] : null)));

    private static readonly RowShapes<MtBenchAnswer> AnswerShapes = new(
        new("question_id + choices [{turns}]", ["question_id", "choices"], [], row => new(row.Location, Id(row), Turns(row.Location, "choices[0].turns",
            Struct(row.Location, "choices[0]", List(row.Location, "choices", row["choices"], Choices)[0], "{index, turns}").GetValueOrDefault("turns")))),
        new("question_id + turns", ["question_id", "turns"], [], row => new(row.Location, Id(row), Turns(row.Location, "turns", row["turns"]))));

    private static readonly RowShapes<MtBenchJudgment> JudgmentShapes = new(
        new("question_id + turn + judgment", ["question_id", "turn", "judgment"], ["score", "model"], row => new(row.Location, Id(row), Model(row), Turn(row), TextOf(row.Location, "judgment", row["judgment"]), Number(row))),
        new("question_id + turn + score", ["question_id", "turn", "score"], ["model"], row => new(row.Location, Id(row), Model(row), Turn(row), null, Number(row))));

    /// <summary>The questions of files.</summary>
    /// <exception cref="Zephyr.Runtime.UserErrorException">A file or a row that cannot be used.</exception>
    public static IEnumerable<MtBenchQuestion> Questions(IReadOnlyList<string> files) => QuestionShapes.Read(files);

    /// <summary>The answers of files.</summary>
    /// <inheritdoc cref="Questions"/>
    public static IEnumerable<MtBenchAnswer> Answers(IReadOnlyList<string> files) => AnswerShapes.Read(files);

    /// <summary>The judgments of files.</summary>
    /// <inheritdoc cref="Questions"/>
    public static IEnumerable<MtBenchJudgment> Judgments(IReadOnlyList<string> files) => JudgmentShapes.Read(files);

    private static string Id(DataRow row) => row["question_id"] switch
    {
        long number => FormattableString.Invariant($"{number}"),
        string { Length: > 0 } text => text,
        var other => throw Bad(row.Location, "question_id", other, "a number or a text"),
    };

    private static string Model(DataRow row) => row["model"] switch { null => "", string name => name, var other => throw Bad(row.Location, "model", other, "a text") };

    private static int Turn(DataRow row) => row["turn"] is 1L or 2L ? (int)(long)row["turn"]! : throw Bad(row.Location, "turn", row["turn"], "1 or 2");

    private static double? Number(DataRow row) => row["score"] switch { long whole => whole, double number => number, _ => null };

    private static string[] Turns(RowLocation location, string path, object? value) => List(location, path, value, TextList) is { Count: 1 or 2 } turns
        ? [.. turns.Select((turn, i) => TextOf(location, $"{path}[{i}]", turn))]
        : throw Bad(location, path, value, TextList);
}
