namespace Zephyr.Runtime;

/// <summary>
/// Something the user can put right: a config, a file, a row, an option. The message is one sentence that says
/// where, what was found and what was expected. It is shown without a stack trace and ends the program with exit code 2.
/// </summary>
public class UserErrorException : Exception
{
    // Names and values in it are the file's, of any length; enough for the names of all weights of a 7B model.
    private const int LongestMessage = 20_000;

    /// <param name="message">One sentence: where, what was found, what was expected; the middle of an endless one is left out.</param>
    public UserErrorException(string message) : this(message, null) { }

    /// <param name="message">One sentence: where, what was found, what was expected; the middle of an endless one is left out.</param>
    /// <param name="inner">What was thrown underneath, for the log.</param>
    public UserErrorException(string message, Exception? inner) : base(Shortened(message, LongestMessage), inner) { }

    /// <summary>A text, or its beginning and end where it is longer than a reader wants.</summary>
    internal static string Shortened(string text, int most) =>
        text.Length <= most ? text : $"{text[..(most * 3 / 4)]} ... {text[^(most / 8)..]}";
}

/// <summary>
/// A run that could not go on although its input was fine (a non-finite step, a full disk). Shown without a stack trace;
/// ends the program with exit code 1.
/// </summary>
public class RunFailedException : Exception
{
    /// <param name="message">One sentence: what happened, at which step, and what was kept.</param>
    public RunFailedException(string message) : base(message) { }

    /// <param name="message">One sentence: what happened, at which step, and what was kept.</param>
    /// <param name="inner">What was thrown underneath, for the log.</param>
    public RunFailedException(string message, Exception? inner) : base(message, inner) { }
}
