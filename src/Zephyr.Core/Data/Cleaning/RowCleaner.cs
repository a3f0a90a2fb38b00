using Zephyr.Data.Sources;

namespace Zephyr.Data.Cleaning;

/// <summary>Why a row is left out.</summary>
public enum CleaningDrop
{
    /// <summary>An answer says that it has no feelings, opinions or experiences.</summary>
    Disclaimer,

    /// <summary>A passage of it stands in an evaluation set.</summary>
    Contaminated,
}

/// <summary>A turn whose casing was put right.</summary>
/// <param name="Turn">As it was.</param>
/// <param name="Faults">What was wrong.</param>
/// <param name="After">As it is.</param>
public sealed record RecasedTurn(RowTurn Turn, CasingFault Faults, string After);

/// <summary>What became of a row.</summary>
/// <param name="Row">The row as it is to be written; as it was read where it is left out.</param>
/// <param name="Turns">How many texts it has.</param>
/// <param name="Recased">Those that were changed; none where the row is left out.</param>
/// <param name="Dropped">Why it is left out; null where it stays.</param>
/// <param name="Cause">Of a row that is left out: the text in which the reason stands.</param>
/// <param name="Evidence">The words that are the reason, or the evaluation text.</param>
public sealed record CleanedRow(DataRow Row, int Turns, IReadOnlyList<RecasedTurn> Recased, CleaningDrop? Dropped = null, RowTurn? Cause = null, string? Evidence = null);

/// <summary>The rules of cleaning, each of which may be absent. Several threads may use it at once.</summary>
/// <param name="truecaser">Puts casing right; null to leave it.</param>
/// <param name="disclaimers">Where in an answer a disclaimer leaves its dialogue out: preface, anywhere or none.</param>
/// <param name="contamination">What no row may share a passage with; null for nothing.</param>
public sealed class RowCleaner(Truecaser? truecaser, string disclaimers, ContaminationIndex? contamination)
{
    /// <summary>Cleans a row.</summary>
    /// <exception cref="BadRowException">It is no row to train on.</exception>
    public CleanedRow Clean(DataRow row)
    {
        var turns = RowTurns.Of(row);
        if (Disclaimer(row, turns) is { } disclaimed) return disclaimed;
        if (Contaminated(row, turns) is { } contaminated) return contaminated;
        // Where the casing is what is asked for, wrong is right.
        if (truecaser is null || RowTurns.SpeakOfCasing(turns)) return new(row, turns.Count, []);
        var recased = new Dictionary<string, RecasedTurn>();
        foreach (var turn in turns)
            if (truecaser.Apply(turn.Text) is { Faults: not CasingFault.None } changed) recased.TryAdd(turn.Path, new(turn, changed.Faults, changed.Text));
        return recased.Count == 0 ? new(row, turns.Count, [])
            : new(RowTurns.Rewrite(row, turn => recased.TryGetValue(turn.Path, out var change) ? change.After : turn.Text), turns.Count, [.. recased.Values]);
    }

    private CleanedRow? Disclaimer(DataRow row, IReadOnlyList<RowTurn> turns)
    {
        if (disclaimers == "none") return null;
        // A rejected answer may say what it likes: it is not learnt.
        foreach (var turn in turns.Where(turn => turn.Role == ChatMessage.Assistant && !turn.Path.StartsWith("rejected", StringComparison.Ordinal)))
            if (Disclaimers.Find(turn.Text, anywhere: disclaimers == "anywhere") is { } words)
                return new(row, turns.Count, [], CleaningDrop.Disclaimer, turn, words);
        return null;
    }

    private CleanedRow? Contaminated(DataRow row, IReadOnlyList<RowTurn> turns)
    {
        if (contamination is null) return null;
        foreach (var turn in turns)
            if (contamination.Find(turn.Text) is { } text)
                return new(row, turns.Count, [], CleaningDrop.Contaminated, turn, $"{Path.GetFileName(text.Location.File)}, {(text.Location.IsLine ? "line" : "row")} {text.Location.Number}, {text.Field}: {text.Text}");
        return null;
    }
}
