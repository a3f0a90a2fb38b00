namespace Zephyr.Data.Prepared;

/// <summary>What a file of prepared rows is made of.</summary>
/// <param name="Format">How a row is written.</param>
/// <param name="Narrow">Whether every token id fits two bytes.</param>
/// <param name="Train">The rows to train on, made as they are taken.</param>
/// <param name="Held">The rows held out, likewise, after the others.</param>
/// <param name="Notes">What there is to say of them. Asked after the last row.</param>
internal sealed record PreparedContent<T>(IRowFormat<T> Format, bool Narrow, IEnumerable<T> Train, IEnumerable<T> Held, Func<IEnumerable<string>> Notes);
