using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Training;

namespace Zephyr.Evaluation;

/// <summary>A trained model on held-out rows, outside any training run.</summary>
public static class ModelEvaluation
{
    /// <summary>Loss and perplexity on conversations.</summary>
    /// <returns>loss (nats a token), perplexity, tokens, rows.</returns>
    public static IReadOnlyDictionary<string, double> OnSequences(MistralForCausalLM model, IReadOnlyList<TokenSequence> sequences, int batchSize,
        CancellationToken cancellation)
    {
        using var workspace = new LogitsWorkspace();
        var objective = new SftObjective(model, workspace);
        var loss = Evaluator.Run(objective, sequences, batchSize, cancellation)["loss"];
        return new Dictionary<string, double>
        {
            ["loss"] = loss,
            ["perplexity"] = Math.Exp(loss),
            ["tokens"] = objective.TotalsOf(sequences)[0],
            ["rows"] = sequences.Count,
        };
    }

    /// <summary>DPO loss, rewards, accuracy and margin of a model against a reference.</summary>
    /// <returns>TRL's names, and rows.</returns>
    public static IReadOnlyDictionary<string, double> OnPairs(MistralForCausalLM model, MistralForCausalLM reference, IReadOnlyList<TokenizedPair> pairs,
        double beta, int batchSize, CancellationToken cancellation)
    {
        using var workspace = new LogitsWorkspace();
        var settings = new DpoSettings(DpoLossSettings.Sigmoid(beta));
        var objective = new DpoObjective(model, new FrozenReference(reference, settings, workspace), settings, workspace);
        return new Dictionary<string, double>(Evaluator.Run(objective, pairs, batchSize, cancellation)) { ["rows"] = pairs.Count };
    }
}
