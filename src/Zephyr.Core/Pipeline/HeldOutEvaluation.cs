using Zephyr.Configuration;
using Zephyr.Data.Prepared;
using Zephyr.Data.Sources;
using Zephyr.Evaluation;
using Zephyr.Model.Weights;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>What to evaluate on, and how rows become token ids.</summary>
/// <param name="Model">Model folder.</param>
/// <param name="Device">auto, cpu, cuda or cuda:N.</param>
/// <param name="BatchSize">Rows in a forward pass.</param>
/// <param name="Data">Empty system turns, and what a row does that cannot be used.</param>
public sealed record HeldOutSettings(string Model, string Device, int BatchSize, DataOptions Data)
{
    /// <summary>The plain model under adapter folders, where not the one that their config names.</summary>
    public string? Base { get; init; }
}

/// <summary>A trained model on rows that no run has seen.</summary>
public static class HeldOutEvaluation
{
    /// <summary>Loss and perplexity on conversations.</summary>
    /// <exception cref="UserErrorException">Bad input.</exception>
    public static IReadOnlyDictionary<string, double> OnConversations(HeldOutSettings settings, IReadOnlyList<string> files, SftOptions options,
        Action<string> note, CancellationToken cancellation)
    {
        using var model = TextModel.Load(settings.Model, settings.Device, baseFolder: settings.Base);
        TextModel.RequirePositions(model.Model.Config, settings.Model, "max_length", options.MaxSeqLength);
        var source = SourceOf(files, settings);
        using var sequences = ScratchFile.Hold(new SequenceFormat(), model.Tokenizer.HasNarrowIds,
            ConversationRows.Tokenize("held-out", ConversationSchema.Read(source), source.Bad, model.Tokenizer, options, settings.Data, note, cancellation));
        foreach (var line in source.Bad.Describe()) note(line);
        return ModelEvaluation.OnSequences(model.Model, sequences, settings.BatchSize, cancellation);
    }

    /// <summary>DPO loss, rewards, accuracy and margin on pairs, against a reference model.</summary>
    /// <exception cref="UserErrorException">Bad input.</exception>
    public static IReadOnlyDictionary<string, double> OnPairs(HeldOutSettings settings, string reference, IReadOnlyList<string> files, DpoOptions options,
        Action<string> note, CancellationToken cancellation)
    {
        using var model = TextModel.Load(settings.Model, settings.Device, baseFolder: AdapterFolder.Is(settings.Model) || !AdapterFolder.Is(reference) ? settings.Base : null);
        TextModel.RequirePositions(model.Model.Config, settings.Model, "max_length", options.MaxLength);
        var source = SourceOf(files, settings);
        using var pairs = ScratchFile.Hold(new PairFormat(source.Files.Select(file => file.Path)), model.Tokenizer.HasNarrowIds,
            PairRows.Tokenize("held-out", PreferenceSchema.Read(source), source.Bad, model.Tokenizer, options, settings.Data, note, cancellation));
        foreach (var line in source.Bad.Describe()) note(line);
        using var referenceModel = TextModel.Load(reference, settings.Device, baseFolder: AdapterFolder.Is(reference) ? settings.Base : null);
        TextModel.RequireFit(model.Tokenizer, referenceModel.Model.Config, reference);
        TextModel.RequirePositions(referenceModel.Model.Config, reference, "max_length", options.MaxLength);
        return ModelEvaluation.OnPairs(model.Model, referenceModel.Model, pairs, options.Beta, settings.BatchSize, cancellation);
    }

    private static RowSource SourceOf(IReadOnlyList<string> files, HeldOutSettings settings) =>
        new([.. DataFiles.Resolve(files).Select(file => new RowFile(file))], new(settings.Data.OnBadRow == "skip"));
}
