using System.Collections;
using Zephyr.Configuration;
using Zephyr.Data.Prepared;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>The rows of a forecast: the real ones where files and tokenizer are there, else as long as may be.</summary>
/// <param name="Train">To be trained on.</param>
/// <param name="Held">Held out.</param>
/// <param name="Real">Whether they are the real ones.</param>
internal sealed record ForecastRows<T>(IReadOnlyList<T> Train, IReadOnlyList<T> Held, bool Real) : IDisposable
{
    /// <summary>Finds them.</summary>
    /// <param name="tokenizerFolder">Where the tokenizer is.</param>
    /// <param name="data">The files.</param>
    /// <param name="config">What the tokenizer has to fit.</param>
    /// <param name="format">How rows are held.</param>
    /// <param name="tokenize">Both sides as they stream in; the held-out one is null where there is none.</param>
    /// <param name="longest">A row that is as long as may be.</param>
    /// <param name="counts">How many of these there are to be on each side.</param>
    /// <param name="note">Takes what is worth a line.</param>
    /// <exception cref="UserErrorException">A row is bad, or tokenizer and model do not fit.</exception>
    public static ForecastRows<T> Of(string tokenizerFolder, DataOptions data, MistralConfig config, Func<IEnumerable<string>, IRowFormat<T>> format,
        Func<StageFiles, MistralTokenizer, (IEnumerable<T> Train, IEnumerable<T>? Held)> tokenize, T longest, (int Train, int Held) counts, Action<string> note)
    {
        if (Found(tokenizerFolder, data, note) is not var (files, tokenizer)) return new(new Repeated(longest, counts.Train), new Repeated(longest, counts.Held), Real: false);
        TextModel.RequireFit(tokenizer, config, tokenizerFolder);
        var (train, held) = tokenize(files, tokenizer);
        var kept = ScratchFile.Hold(format(files.All), tokenizer.HasNarrowIds, train);
        return new(kept, held is null ? [] : ScratchFile.Hold(format(files.All), tokenizer.HasNarrowIds, held), Real: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        (Train as IDisposable)?.Dispose();
        (Held as IDisposable)?.Dispose();
    }

    /// <summary>What is not there yet is no mistake in a forecast.</summary>
    private static (StageFiles Files, MistralTokenizer Tokenizer)? Found(string tokenizerFolder, DataOptions data, Action<string> note)
    {
        try
        {
            return (new(data), MistralTokenizer.Load(tokenizerFolder));
        }
        catch (UserErrorException missing)
        {
            note($"every row is taken to be as long as the keys allow, since the real ones are not to be had: {missing.Message}");
            return null;
        }
    }

    private sealed class Repeated(T row, int count) : IReadOnlyList<T>
    {
        public int Count => count;

        public T this[int index] => index >= 0 && index < count ? row : throw new ArgumentOutOfRangeException(nameof(index));

        public IEnumerator<T> GetEnumerator() => Enumerable.Repeat(row, count).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
