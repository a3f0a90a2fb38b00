using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Sources;
using Zephyr.Model;
using Zephyr.Objectives;
using static TorchSharp.torch;

namespace Zephyr.Evaluation;

/// <summary>What a model thinks of a completion.</summary>
/// <param name="SumLogProb">log p(completion | prompt), summed over its tokens.</param>
/// <param name="Tokens">How many tokens that are.</param>
public readonly record struct CompletionScore(double SumLogProb, int Tokens);

/// <summary>Log-probabilities of given token ids, for checking by hand and against other programs.</summary>
public static class CompletionScores
{
    /// <summary>Scores the rows one by one, in their order.</summary>
    /// <exception cref="BadRowException">An id is outside the vocabulary, or the row is longer than the model was made for.</exception>
    public static IEnumerable<CompletionScore> Of(MistralForCausalLM model, IEnumerable<TokenIdRow> rows)
    {
        using var workspace = new LogitsWorkspace();
        foreach (var row in rows) yield return Of(model, row, workspace);
    }

    private static CompletionScore Of(MistralForCausalLM model, TokenIdRow row, LogitsWorkspace workspace)
    {
        foreach (var (field, ids) in new[] { ("prompt_ids", row.PromptIds), ("completion_ids", row.CompletionIds) })
            if (ids.Max() >= model.Config.VocabSize)
                throw new BadRowException(row.Location, field, $"{ids.Max()}", $"token ids under the vocabulary size {model.Config.VocabSize}");
        if (row.PromptIds.Length + row.CompletionIds.Length is var length && length > model.Config.MaxPositionEmbeddings)
            throw new BadRowException(row.Location, "", $"{length} token ids",
                $"prompt and completion of at most {model.Config.MaxPositionEmbeddings} together (the model's max_position_embeddings)");
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var batch = LabelledBatch.Of([TokenSequence.OfAnswer(row.PromptIds, row.CompletionIds)]);
        var logProbs = new LabelLogProbs(model, batch, workspace).Forward(model.HiddenStates(batch.Batch));
        return new(logProbs.to_type(ScalarType.Float64).sum().item<double>(), row.CompletionIds.Length);
    }
}
