using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Prepared;
using Zephyr.Data.Sources;
using Zephyr.Evaluation;
using Zephyr.Evaluation.Statistics;
using Zephyr.Model.Weights;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>What to evaluate on, and how rows become token ids.</summary>
/// <param name="Model">Model folder.</param>
/// <param name="Loading">Where the model and the one that it is compared with go, and how their weights are held.</param>
/// <param name="BatchSize">Rows in a forward pass.</param>
/// <param name="Data">Empty system turns, and what a row does that cannot be used.</param>
public sealed record HeldOutSettings(string Model, LoadOptions Loading, int BatchSize, DataOptions Data)
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
        using var model = Load(settings.Model, settings, settings.Base, note);
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
        using var model = LoadPolicy(settings, reference, note);
        TextModel.RequirePositions(model.Model.Config, settings.Model, "max_length", options.MaxLength);
        var source = SourceOf(files, settings);
        using var pairs = ScratchFile.Hold(new PairFormat(source.Files.Select(file => file.Path)), model.Tokenizer.HasNarrowIds,
            PairRows.Tokenize("held-out", PreferenceSchema.Read(source), source.Bad, model.Tokenizer, options, settings.Data, note, cancellation));
        foreach (var line in source.Bad.Describe()) note(line);
        using var referenceModel = Load(reference, settings, AdapterFolder.Is(reference) ? settings.Base : null, note);
        TextModel.RequireFit(model.Tokenizer, referenceModel.Model.Config, reference);
        TextModel.RequirePositions(referenceModel.Model.Config, reference, "max_length", options.MaxLength);
        return ModelEvaluation.OnPairs(model.Model, referenceModel.Model, pairs, options.Beta, settings.BatchSize, cancellation);
    }

    /// <summary>Perplexity and bits a byte on conversations, with intervals, by source where a column is named.</summary>
    /// <param name="settings">Model and rows.</param>
    /// <param name="files">Conversations.</param>
    /// <param name="options">Length, packing, labels.</param>
    /// <param name="by">The column by which figures are told apart; null for none.</param>
    /// <param name="bootstrap">Draws the samples for the intervals.</param>
    /// <param name="each">Takes every score with its source; null for nobody.</param>
    /// <param name="note">Takes lines about the rows.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="UserErrorException">Bad input.</exception>
    public static PerplexityReport Perplexity(HeldOutSettings settings, IReadOnlyList<string> files, SftOptions options, string? by, Bootstrap bootstrap,
        Action<SequenceScore, string?>? each, Action<string> note, CancellationToken cancellation)
    {
        using var model = Load(settings.Model, settings, settings.Base, note);
        TextModel.RequirePositions(model.Model.Config, settings.Model, "max_length", options.MaxSeqLength);
        var (source, sources, lengths) = (SourceOf(files, settings), new RowSources(by), new LengthSeries("conversation"));
        using var sequences = ScratchFile.Hold(new SequenceFormat(source.Files.Select(file => file.Path)), model.Tokenizer.HasNarrowIds,
            ConversationRows.Tokenize("held-out", sources.Read(source, ConversationSchema.Parse), source.Bad, model.Tokenizer, options, settings.Data, note, cancellation, measured: lengths));
        foreach (var line in source.Bad.Describe()) note(line);
        var scores = new List<SequenceScore>();
        foreach (var score in RowScores.Of(model.Model, sequences, new(model.Tokenizer), settings.BatchSize, cancellation))
        {
            scores.Add(score);
            each?.Invoke(score, sources.Of(score.Location));
        }
        return new(PerplexityFigures.Of("all", scores, bootstrap), [.. sources.Group(scores, score => score.Location).Select(group => PerplexityFigures.Of(group.Source, group.Scores, bootstrap))],
            lengths.Count, lengths.Cut, lengths.TokensCut);
    }

    /// <summary>Accuracy, margins and calibration on pairs, with intervals, by source where a column is named.</summary>
    /// <param name="settings">Model and rows.</param>
    /// <param name="reference">The model before alignment; null for none.</param>
    /// <param name="files">Pairs.</param>
    /// <param name="options">Lengths, truncation, β.</param>
    /// <param name="by">The column by which figures are told apart; null for none.</param>
    /// <param name="bins">Bins of the reliability table.</param>
    /// <param name="bootstrap">Draws the samples for the intervals.</param>
    /// <param name="each">Takes every score with its source; null for nobody.</param>
    /// <param name="note">Takes lines about the rows.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="UserErrorException">Bad input.</exception>
    public static PreferenceReport Preferences(HeldOutSettings settings, string? reference, IReadOnlyList<string> files, DpoOptions options, string? by, int bins, Bootstrap bootstrap,
        Action<PairScore, string?>? each, Action<string> note, CancellationToken cancellation)
    {
        using var model = LoadPolicy(settings, reference, note);
        TextModel.RequirePositions(model.Model.Config, settings.Model, "max_length", options.MaxLength);
        var (source, sources) = (SourceOf(files, settings), new RowSources(by));
        using var pairs = ScratchFile.Hold(new PairFormat(source.Files.Select(file => file.Path)), model.Tokenizer.HasNarrowIds,
            PairRows.Tokenize("held-out", sources.Read(source, PreferenceSchema.Parse), source.Bad, model.Tokenizer, options, settings.Data, note, cancellation));
        foreach (var line in source.Bad.Describe()) note(line);
        using var referenceModel = reference is null ? null : Load(reference, settings, AdapterFolder.Is(reference) ? settings.Base : null, note);
        if (referenceModel is not null)
        {
            TextModel.RequireFit(model.Tokenizer, referenceModel.Model.Config, reference!);
            TextModel.RequirePositions(referenceModel.Model.Config, reference!, "max_length", options.MaxLength);
        }
        var scores = new List<PairScore>();
        foreach (var score in RowScores.Of(model.Model, referenceModel?.Model, pairs, settings.BatchSize, cancellation))
        {
            scores.Add(score);
            each?.Invoke(score, sources.Of(score.Location));
        }
        PreferenceFigures Figures(string name, IReadOnlyList<PairScore> some) => PreferenceFigures.Of(name, some, options.Beta, bins, bootstrap);
        return new(reference is not null, options.Beta, Figures("all", scores), [.. sources.Group(scores, score => score.Location).Select(group => Figures(group.Source, group.Scores))]);
    }

    /// <summary>The model, where another one is loaded beside it: base goes to those of the two that are adapters.</summary>
    private static TextModel LoadPolicy(HeldOutSettings settings, string? reference, Action<string> note) =>
        Load(settings.Model, settings, reference is null || AdapterFolder.Is(settings.Model) || !AdapterFolder.Is(reference) ? settings.Base : null, note);

    private static TextModel Load(string folder, HeldOutSettings settings, string? baseFolder, Action<string> note)
    {
        var model = TextModel.Load(folder, settings.Loading, baseFolder);
        if (model.Note is { } text) note($"note: {text}");
        return model;
    }

    private static RowSource SourceOf(IReadOnlyList<string> files, HeldOutSettings settings) =>
        new([.. DataFiles.Resolve(files).Select(file => new RowFile(file))], new(settings.Data.OnBadRow == "skip"));
}
