using static Zephyr.Data.Sources.FieldReader;

namespace Zephyr.Data.Sources;

/// <summary>
/// Rows that are preferences, for DPO: <c>chosen</c> and <c>rejected</c>, with their prompt beside them, in front of
/// them, or both (ultrafeedback_binarized). A pair whose answers are equal is a valid row, as in TRL.
/// </summary>
public static class PreferenceSchema
{
    private const string ScoreChosen = "score_chosen", ScoreRejected = "score_rejected";

    private static readonly RowShapes<PreferencePair> Shapes = new(
        new RowShape<PreferencePair>("prompt + chosen + rejected (texts or message lists), or chosen + rejected (message lists)",
            ["chosen", "rejected"], ["prompt", ScoreChosen, ScoreRejected], Pair));

    /// <summary>Streams the pairs of files.</summary>
    /// <exception cref="Zephyr.Runtime.UserErrorException">A file or a row that cannot be used.</exception>
    public static IEnumerable<PreferencePair> Read(RowSource source) => Shapes.Read(source);

    /// <inheritdoc cref="Read(RowSource)"/>
    public static IEnumerable<PreferencePair> Read(IReadOnlyList<string> files) => Shapes.Read(files);

    /// <summary>The pair of one row.</summary>
    /// <exception cref="BadRowException">The row does not hold one.</exception>
    public static PreferencePair Parse(DataRow row) => Shapes.Parse(row);

    private static PreferencePair Pair(DataRow row)
    {
        var location = row.Location;
        var chosen = MessagesOrText(location, "chosen", row["chosen"], ChatMessage.Assistant);
        var rejected = MessagesOrText(location, "rejected", row["rejected"], ChatMessage.Assistant);
        var holdsPrompt = chosen[0].Role != ChatMessage.Assistant;
        if (!holdsPrompt && row["prompt"] is null)
            throw Bad(location, "prompt", null, "a text or messages, as chosen starts with the answer");
        var shared = holdsPrompt ? SharedTurns(chosen, rejected) : 0;
        ChatMessage[] common = [.. chosen.Take(shared)];
        ChatMessage[] prompt = [.. holdsPrompt ? SystemBeside(row, common) : MessagesOrText(location, "prompt", row["prompt"], ChatMessage.User), .. common];
        CheckPrompt(location, prompt, holdsPrompt);
        return new(location, prompt,
            CheckAnswer(location, "chosen", [.. chosen.Skip(shared)], shared),
            CheckAnswer(location, "rejected", [.. rejected.Skip(shared)], shared))
        {
            EqualScores = Number(row[ScoreChosen]) is { } better && Number(row[ScoreRejected]) is { } worse ? better == worse : null,
        };
    }

    /// <summary>Scores are not trained on: what is no number is none.</summary>
    private static double? Number(object? value) => value switch
    {
        long whole => whole,
        double number => number,
        _ => null,
    };

    /// <summary>
    /// The common leading turns, cut back to the last user turn with something after it, so that equal answers leave a
    /// prompt, and answers that agree on their first turns start with them.
    /// </summary>
    private static int SharedTurns(IReadOnlyList<ChatMessage> chosen, IReadOnlyList<ChatMessage> rejected)
    {
        var most = Math.Min(chosen.Count, rejected.Count) - 1;
        var shared = 0;
        while (shared < most && chosen[shared] == rejected[shared]) shared++;
        while (shared > 0 && chosen[shared - 1].Role != ChatMessage.User) shared--;
        return shared;
    }

    /// <summary>
    /// What the prompt column adds where the answers hold their prompt: nothing, or a system turn that comes before it. Whatever else
    /// it says must be what the answers share, or one of the two is another row's.
    /// </summary>
    private static IReadOnlyList<ChatMessage> SystemBeside(DataRow row, ChatMessage[] common)
    {
        if (row["prompt"] is null || common.Length == 0) return [];
        var beside = MessagesOrText(row.Location, "prompt", row["prompt"], ChatMessage.User);
        if (row["prompt"] is string text)
            return common.Any(turn => turn.Role == ChatMessage.User && turn.Content.Trim() == text.Trim()) ? [] : throw Contradiction();
        if (common.Take(beside.Count).SequenceEqual(beside)) return [];
        return beside[0].Role == ChatMessage.System && common[0].Role != ChatMessage.System && common.Take(beside.Count - 1).SequenceEqual(beside.Skip(1))
            ? [beside[0]]
            : throw Contradiction();

        BadRowException Contradiction() => new(row.Location, "prompt", $"{DataRow.Describe(row["prompt"])}, which chosen and rejected do not start with",
            row["prompt"] is string ? "the text of a user turn that they share" : "the turns that they share, with or without a system turn before them");
    }

    private static void CheckPrompt(RowLocation location, ChatMessage[] prompt, bool holdsPrompt)
    {
        if (prompt is [.., { Role: ChatMessage.User }]) return;
        var field = holdsPrompt ? "chosen" : "prompt";
        throw prompt.Length == 0
            ? new BadRowException(location, field, "lists that share no leading user turn",
                "chosen and rejected to start with the same prompt")
            : new BadRowException(location, field, $"a prompt that ends with {prompt[^1].Role}", "a prompt that ends with a user turn");
    }

    private static IReadOnlyList<ChatMessage> CheckAnswer(
        RowLocation location, string field, IReadOnlyList<ChatMessage> answer, int first)
    {
        if (answer.Count == 0 || answer[0].Role != ChatMessage.Assistant)
            throw new BadRowException(location, $"{field}[{first}].role", answer.Count == 0 ? "no turn" : $"the text \"{answer[0].Role}\"",
                "the assistant's answer after the prompt that chosen and rejected share");
        if (answer[^1].Role != ChatMessage.Assistant)
            throw new BadRowException(location, $"{field}[{first + answer.Count - 1}].role", $"the text \"{answer[^1].Role}\"",
                "an answer that ends with an assistant turn");
        return answer;
    }
}
