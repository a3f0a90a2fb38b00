using Zephyr.Runtime;

namespace Zephyr.Model.Generation;

/// <summary>Why an answer ended.</summary>
public enum AnswerEnd
{
    /// <summary>The model ended its turn (&lt;/s&gt;).</summary>
    EndOfTurn,

    /// <summary>The most tokens were reached: those asked for, or the model's positions.</summary>
    Length,

    /// <summary>Whoever takes the tokens wanted no more: a stop string.</summary>
    Stopped,

    /// <summary>It was given up.</summary>
    Cancelled,

    /// <summary>The model failed.</summary>
    Failed,
}

/// <summary>A prompt that one or more answers continue: it goes through the model once where they are in the batch together.</summary>
/// <param name="ids">At least one token.</param>
public sealed class BatchPrompt(int[] ids)
{
    /// <summary>The tokens.</summary>
    public int[] Ids { get; } = ids;

    /// <summary>Whose rows hold the prompt; null while none does.</summary>
    internal BatchSequence? Holder { get; set; }

    /// <summary>The scores of the token behind the prompt, while there is a holder that has got there.</summary>
    internal float[]? Scores { get; set; }
}

/// <summary>One answer in a batch. Its tokens depend on its prompt and its options only, not on what else is in the batch.</summary>
public sealed class BatchSequence
{
    private readonly Func<ChosenToken, bool> _accept;
    private readonly Action<AnswerEnd, Exception?> _ended;
    private readonly CancellationToken _cancellation;
    private RunFailedException? _broken;

    /// <param name="prompt">What it continues.</param>
    /// <param name="sampling">How.</param>
    /// <param name="accept">Is given each token as it comes, without &lt;/s&gt;; false where no more are wanted. Runs on the generator's thread.</param>
    /// <param name="ended">Is told once why it ended, and with what where it failed. Runs on the generator's thread.</param>
    /// <param name="cancellation">Gives it up.</param>
    public BatchSequence(
        BatchPrompt prompt, SamplingOptions sampling, Func<ChosenToken, bool> accept, Action<AnswerEnd, Exception?> ended, CancellationToken cancellation = default)
    {
        (Prompt, Sampling, _accept, _ended, _cancellation) = (prompt, sampling, accept, ended, cancellation);
        Chooser = new(sampling, prompt.Ids);
    }

    /// <summary>What it continues.</summary>
    public BatchPrompt Prompt { get; }

    /// <summary>How.</summary>
    public SamplingOptions Sampling { get; }

    internal TokenChooser Chooser { get; }

    internal bool IsGivenUp => _cancellation.IsCancellationRequested;

    /// <summary>Rows of the arena, while it is in the batch.</summary>
    internal RowRange Range { get; set; }

    /// <summary>Tokens whose keys and values are held.</summary>
    internal int Length { get; set; }

    /// <summary>The last chosen token, which goes through the model next; null before the first.</summary>
    internal int? Next { get; private set; }

    /// <summary>Tokens chosen so far.</summary>
    internal int Count { get; private set; }

    internal AnswerEnd? End { get; private set; }

    /// <summary>Chooses the next token; several sequences may at a time.</summary>
    /// <param name="scores">Over the vocabulary; changed.</param>
    /// <returns>Null where the scores are broken: Take then ends the answer.</returns>
    internal ChosenToken? TryChoose(Span<float> scores)
    {
        try
        {
            return Chooser.Choose(scores);
        }
        catch (RunFailedException broken)
        {
            _broken = broken;
            return null;
        }
    }

    /// <summary>Hands the token over.</summary>
    /// <param name="token">Chosen; null where the scores were broken.</param>
    /// <param name="endOfTurn">The id of &lt;/s&gt;.</param>
    /// <param name="most">The most tokens of the answer.</param>
    internal void Take(ChosenToken? token, int endOfTurn, int most)
    {
        if (End is not null) return;
        if (token is null)
        {
            Finish(AnswerEnd.Failed, _broken);
            return;
        }
        if (token.Id == endOfTurn)
        {
            Finish(AnswerEnd.EndOfTurn);
            return;
        }
        Count++;
        Next = token.Id;
        if (!_accept(token)) Finish(AnswerEnd.Stopped);
        else if (Count >= most) Finish(AnswerEnd.Length);
    }

    internal void Finish(AnswerEnd end, Exception? failure = null)
    {
        if (End is not null) return;
        End = end;
        _ended(end, failure);
    }
}
