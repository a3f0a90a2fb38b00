using System.Globalization;
using System.Text.Json.Nodes;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Evaluation;
using Zephyr.Evaluation.Statistics;
using Zephyr.Feedback.Calls;
using Zephyr.Feedback.Judging;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>What an evaluation of MT-Bench's shape reads.</summary>
/// <param name="Questions">Questions.</param>
/// <param name="References">Right answers; none for those that stand in the questions.</param>
/// <param name="ReferenceCategories">Categories that are graded against them.</param>
/// <param name="Answers">The answers.</param>
public sealed record MtBenchInput(IReadOnlyList<string> Questions, IReadOnlyList<string> References, IReadOnlyList<string> ReferenceCategories, AnswerSide Answers);

/// <summary>What came of it.</summary>
/// <param name="Table">Means by category and turn.</param>
/// <param name="Failures">Answers and scores that could not be had, with their reasons.</param>
/// <param name="Calls">What asking came to.</param>
/// <param name="Files">Files written.</param>
/// <param name="Record">What the figures rest on.</param>
public sealed record MtBenchReport(MtBenchTable Table, IReadOnlyList<string> Failures, IReadOnlyList<ModelUsage> Calls, IReadOnlyList<string> Files, JudgedRecord Record);

/// <summary>
/// MT-Bench's single-answer grading: two turns a question, each graded from 1 to 10, the second with the first before it, and against reference answers in mathematics, reasoning and code.
/// </summary>
public sealed class MtBenchRun
{
    private sealed record Outcome(MtBenchQuestion Question, IReadOnlyList<string?> Answers, IReadOnlyList<(double? Score, string Explanation, string? Failure)> Grades);

    // The temperatures at which MT-Bench has its answers generated.
    private static readonly Dictionary<string, double> Temperatures = new()
    {
        ["writing"] = 0.7,
        ["roleplay"] = 0.7,
        ["extraction"] = 0,
        ["math"] = 0,
        ["coding"] = 0,
        ["reasoning"] = 0,
        ["stem"] = 0.1,
        ["humanities"] = 0.1,
    };

    private const double OtherTemperature = 0.7;

    private readonly JudgedSettings _settings;
    private readonly MtBenchInput _input;
    private readonly JudgedRun _run;
    private readonly List<MtBenchQuestion> _questions;
    private readonly Dictionary<string, IReadOnlyList<string>>? _answers;
    private readonly Dictionary<string, IReadOnlyList<string>> _references;

    /// <summary>Reads what it needs; asks nothing.</summary>
    /// <exception cref="UserErrorException">Something is not there, or a question has no answer in the file.</exception>
    public MtBenchRun(JudgedSettings settings, MtBenchInput input)
    {
        (_settings, _input) = (settings, input);
        _run = new(settings, "mtbench.json", JudgedRecord.Of(settings, input.Answers, null, [.. input.Questions, .. input.References]), input.Answers.Model is { } model ? [(input.Answers.Key, [model])] : []);
        _questions = QuestionsOf(input.Questions);
        _answers = input.Answers.Model is null ? ById(input.Answers.Files) : null;
        _references = input.References.Count > 0 ? ById(input.References) : _questions.Where(question => question.References is not null).ToDictionary(question => question.Id, question => question.References!);
        if (_answers is not null && _questions.FirstOrDefault(question => !_answers.TryGetValue(question.Id, out var turns) || turns.Count < question.Turns.Count) is { } missing)
            throw new UserErrorException($"{string.Join(", ", input.Answers.Files)}: has no answer to each of the {missing.Turns.Count} turns of question {missing.Id}, expected one for each of the {_questions.Count} questions");
    }

    /// <summary>Adds up judgments that somebody recorded, read as MT-Bench's own program reads them.</summary>
    /// <returns>A table for each model that was judged, in ordinal order; one that the rows do not name is empty.</returns>
    /// <exception cref="UserErrorException">A judgment of a question that is not there, or two of one turn.</exception>
    public static IReadOnlyList<(string Model, MtBenchTable Table)> Replay(IReadOnlyList<string> questions, IReadOnlyList<string> judgments, Bootstrap bootstrap)
    {
        var known = QuestionsOf(questions).ToDictionary(question => question.Id);
        var scores = new Dictionary<(string Model, string Id, int Turn), TurnScore>();
        foreach (var row in MtBenchFiles.Judgments(DataFiles.Resolve(judgments)))
        {
            if (!known.TryGetValue(row.Id, out var question)) throw new BadRowException(row.Location, "question_id", $"question {row.Id}", $"a question of {string.Join(", ", questions)}");
            if (!scores.TryAdd((row.Model, row.Id, row.Turn), new(row.Id, question.Category, row.Turn, row.Judgment is { } said ? MtBenchScore.Of(said) : row.Score is >= 0 ? row.Score : null)))
                throw new BadRowException(row.Location, "question_id", $"turn {row.Turn} of question {row.Id} a second time", "one judgment of each turn of a model");
        }
        var order = known.Keys.Select((id, i) => (id, i)).ToDictionary(pair => pair.id, pair => pair.i);
        return [.. scores.GroupBy(score => score.Key.Model, score => score.Value).OrderBy(model => model.Key, StringComparer.Ordinal)
            .Select(model => (model.Key, MtBenchTable.Of([.. model.OrderBy(score => order[score.QuestionId]).ThenBy(score => score.Turn)], bootstrap)))];
    }

    /// <summary>Asks, and writes answers.jsonl, judgments.jsonl and mtbench.json beside the journal.</summary>
    /// <exception cref="RunFailedException">The budget is spent, a model refuses all calls, or something cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; answers are kept.</exception>
    public async Task<MtBenchReport> Run(ICallObserver observer, Func<object, string> toJson, CancellationToken cancellation)
    {
        foreach (var note in Unreferenced()) observer.OnNote(note);
        var (outcomes, usage) = await _run.Ask(_questions, "questions", Grade, observer, cancellation).ConfigureAwait(false);
        var turns = outcomes.SelectMany(outcome => outcome.Grades.Select((grade, i) => (outcome.Question, Turn: i + 1, Grade: grade))).ToList();
        var table = MtBenchTable.Of([.. turns.Select(turn => new TurnScore(turn.Question.Id, turn.Question.Category, turn.Turn, turn.Grade.Score))], new(_settings.Seed, _settings.BootstrapSamples));
        List<string> files = [_run.Write("judgments.jsonl", JudgedRun.Lines(turns.Select(turn => new JsonObject
        {
            ["question_id"] = IdOf(turn.Question),
            ["category"] = turn.Question.Category,
            ["turn"] = turn.Turn,
            ["score"] = turn.Grade.Score ?? -1,
            ["explanation"] = turn.Grade.Explanation,
            ["failure"] = turn.Grade.Failure,
        })))];
        if (_answers is null) files.Add(_run.Write("answers.jsonl", JudgedRun.Lines(outcomes.Where(outcome => !outcome.Answers.Contains(null)).Select(AnswersOf))));
        var report = new MtBenchReport(table, [.. turns.Where(turn => turn.Grade.Failure is not null).Select(turn => $"question {turn.Question.Id}, turn {turn.Turn}: {turn.Grade.Failure}")], usage, files, _run.Record);
        return report with { Files = [.. files, _run.Write("mtbench.json", toJson(report))] };
    }

    /// <summary>Adds up the calls of a run, and makes none.</summary>
    public JudgedEstimate Estimate()
    {
        var estimate = _run.Estimate(_questions, Add);
        return estimate with { Notes = [.. estimate.Notes, .. Unreferenced()] };
    }

    private void Add(CallEstimate estimate, Inquiry inquiry, MtBenchQuestion question)
    {
        var (answers, graded) = (new List<string>(), new List<GradedTurn>());
        for (var turn = 0; turn < question.Turns.Count; turn++)
        {
            answers.Add(_answers?[question.Id][turn] ?? estimate.Add(CallOf(question, answers))?.Text ?? _run.LongestAnswer);
            graded.Add(TurnOf(question, turn, answers[turn]));
            estimate.Add(new AnswerGrader(inquiry).Prepare(PurposeOf(question, turn), graded).Call);
        }
    }

    private async Task<Outcome> Grade(IModelCalls calls, MtBenchQuestion question, CancellationToken stop)
    {
        var grader = new AnswerGrader(_run.Inquiry(calls));
        var (answers, graded, grades) = (new List<string?>(), new List<GradedTurn>(), new List<Task<(double?, string, string?)>>());
        for (var turn = 0; turn < question.Turns.Count; turn++)
        {
            var answer = answers.Contains(null) ? new CallAnswer(null, "the turn before it has no answer")
                : _answers is not null ? new CallAnswer(_answers[question.Id][turn]) : await calls.Ask(CallOf(question, [.. answers.OfType<string>()]), stop).ConfigureAwait(false);
            answers.Add(answer.Text);
            if (answer.Text is { } text)
            {
                graded.Add(TurnOf(question, turn, text));
                // The next turn is answered while this one is graded.
                grades.Add(ScoreOf(grader.Grade(PurposeOf(question, turn), [.. graded], stop)));
            }
            else grades.Add(Task.FromResult<(double?, string, string?)>((null, "", $"no answer: {answer.Failure}")));
        }
        return new(question, answers, await Task.WhenAll(grades).ConfigureAwait(false));
    }

    private static async Task<(double?, string, string?)> ScoreOf(Task<Judged<Score>> grade) => await grade.ConfigureAwait(false) is var judged
        ? (judged.Value?.Value, judged.Value?.Critique ?? "", judged.Failure) : default;

    private GradedTurn TurnOf(MtBenchQuestion question, int turn, string answer) => new(question.Turns[turn], answer,
        _input.ReferenceCategories.Contains(question.Category) && _references.TryGetValue(question.Id, out var references) && turn < references.Count ? references[turn] : null);

    private ModelCall CallOf(MtBenchQuestion question, List<string> answers)
    {
        List<ChatMessage> messages = [];
        for (var turn = 0; turn <= answers.Count; turn++)
        {
            messages.Add(new(ChatMessage.User, question.Turns[turn]));
            if (turn < answers.Count) messages.Add(new(ChatMessage.Assistant, answers[turn]));
        }
        return new($"generate/mtbench/{question.Id}/{answers.Count + 1}", _input.Answers.Model!, messages,
            new(_settings.Temperature ?? Temperatures.GetValueOrDefault(question.Category, OtherTemperature), 1, _settings.MaxNewTokens, _settings.Seed));
    }

    private static string PurposeOf(MtBenchQuestion question, int turn) => $"judge/mtbench/{question.Id}/{turn + 1}";

    private JsonObject AnswersOf(Outcome outcome) => new()
    {
        ["question_id"] = IdOf(outcome.Question),
        ["model_id"] = _input.Answers.Model,
        ["choices"] = new JsonArray(new JsonObject { ["index"] = 0, ["turns"] = new JsonArray([.. outcome.Answers.Select(answer => (JsonNode?)answer)]) }),
    };

    /// <summary>A number, as MT-Bench has it, where it is one: its own program finds answers by it.</summary>
    private static JsonNode IdOf(MtBenchQuestion question) => long.TryParse(question.Id, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number.ToString(CultureInfo.InvariantCulture) == question.Id ? number : question.Id;

    /// <summary>Questions that are to be graded against a right answer and have none.</summary>
    private IEnumerable<string> Unreferenced()
    {
        var without = _questions.Where(question => _input.ReferenceCategories.Contains(question.Category) && !_references.ContainsKey(question.Id)).ToList();
        if (without.Count > 0)
            yield return $"graded without a right answer, as references has none: {without.Count} of the questions of {string.Join(", ", without.Select(question => question.Category).Distinct())}, the first of them question {without[0].Id}";
    }

    private static List<MtBenchQuestion> QuestionsOf(IReadOnlyList<string> files)
    {
        var questions = MtBenchFiles.Questions(DataFiles.Resolve(files)).ToList();
        if (questions.GroupBy(question => question.Id).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new BadRowException(twice.Last().Location, "question_id", $"question {twice.Key} a second time", "each question once");
        return questions;
    }

    private static Dictionary<string, IReadOnlyList<string>> ById(IReadOnlyList<string> files)
    {
        var answers = new Dictionary<string, IReadOnlyList<string>>();
        foreach (var row in MtBenchFiles.Answers(DataFiles.Resolve(files)))
            if (!answers.TryAdd(row.Id, row.Turns)) throw new BadRowException(row.Location, "question_id", $"question {row.Id} a second time", "answers to each question once");
        return answers;
    }
}
