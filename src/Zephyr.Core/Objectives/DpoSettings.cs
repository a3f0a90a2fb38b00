using Zephyr.Configuration;

namespace Zephyr.Objectives;

/// <summary>Which losses, and their numbers.</summary>
/// <param name="Losses">Each with its weight.</param>
/// <param name="Beta">Strength of the hold to the reference.</param>
public sealed record DpoLossSettings(IReadOnlyList<(DpoLossType Type, double Weight)> Losses, double Beta)
{
    /// <summary>The sigmoid loss, as the recipe has it.</summary>
    /// <param name="beta">Strength of the hold to the reference.</param>
    public static DpoLossSettings Sigmoid(double beta) => new([(DpoLossType.Sigmoid, 1)], beta);

    /// <summary>Assumed share of flipped labels.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>What holds the policy to the reference.</summary>
    public FDivergence Divergence { get; init; }

    /// <summary>alpha of the alpha-divergence.</summary>
    public double DivergenceAlpha { get; init; } = 0.5;

    /// <summary>A loss is over the sorted pairs of a micro-batch, so that no pair has a loss of its own.</summary>
    public bool IsOverSortedPairs => Losses.Any(loss => loss.Type is DpoLossType.Aot or DpoLossType.AotUnpaired);

    /// <summary>Temperature of the mix in <see cref="DpoLossType.Discopop"/>.</summary>
    public double DiscopopTau { get; init; } = 0.05;
}

/// <summary>How the answers of a micro-batch are laid out for the model.</summary>
public enum PairLayoutKind
{
    /// <summary>Chosen and rejected answers in a pass each: with the reference's the paper's four.</summary>
    Separate,

    /// <summary>Both in one ragged pass.</summary>
    Concatenated,

    /// <summary>Both in one ragged pass in which each prompt stands once.</summary>
    SharedPrefix,
}

/// <summary>How the objective is set.</summary>
/// <param name="Loss">The preference losses.</param>
/// <param name="Layout">How the answers are laid out for the model. Every layout gives the same numbers.</param>
/// <param name="RecomputeEvery">As in <see cref="Model.MistralForCausalLM.Forward"/>.</param>
public sealed record DpoSettings(DpoLossSettings Loss, PairLayoutKind Layout = PairLayoutKind.Separate, int RecomputeEvery = 0)
{
    private const string Likelihood = "sft";

    /// <summary>Weight of the chosen answers' mean negative log-likelihood per token; 0 for none.</summary>
    public double LikelihoodWeight { get; init; }

    /// <summary>LD-DPO (arXiv 2409.06411): weight of an answer's tokens beyond the shorter one's length; null where all count alike.</summary>
    public double? TailWeight { get; init; }

    /// <summary>From the configuration's keys.</summary>
    public static DpoSettings Of(DpoOptions options, int recomputeEvery = 0)
    {
        ArgumentNullException.ThrowIfNull(options);
        var weighted = options.LossType.Select((name, i) => (Name: name, Weight: options.LossWeights.Count > 0 ? options.LossWeights[i] : 1)).ToList();
        var losses = new DpoLossSettings(
            [.. weighted.Where(loss => loss.Name != Likelihood).Select(loss => (Named<DpoLossType>(loss.Name), loss.Weight))], options.Beta)
        {
            LabelSmoothing = options.LabelSmoothing,
            Divergence = Named<FDivergence>(options.FDivergenceType),
            DivergenceAlpha = options.FAlphaDivergenceCoef,
            DiscopopTau = options.DiscopopTau,
        };
        return new(losses, Named<PairLayoutKind>(options.PairLayout), recomputeEvery)
        {
            LikelihoodWeight = weighted.Where(loss => loss.Name == Likelihood).Sum(loss => loss.Weight) + (options.RpoAlpha ?? 0),
            TailWeight = options.LdAlpha,
        };
    }

    /// <summary>The member whose name in snake_case this is.</summary>
    private static T Named<T>(string name) where T : struct, Enum => Enum.Parse<T>(name.Replace("_", "", StringComparison.Ordinal), ignoreCase: true);
}
