using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Tests.Golden;
using Zephyr.Tests.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Objectives;

/// <summary>What the objective adds to the losses: metrics, the likelihood term, the weight of tails.</summary>
public class DpoMetricTests
{
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData(PairLayoutKind.Separate)]
    [InlineData(PairLayoutKind.Concatenated)]
    [InlineData(PairLayoutKind.SharedPrefix)]
    public void Logits_are_the_mean_over_the_vocabulary_and_the_answers_tokens(PairLayoutKind layout)
    {
        using var golden = new GoldenModel("sw8");
        using var scope = NewDisposeScope();
        var policy = golden.Load("policy");
        var pairs = Pairs();
        var means = Means(TinyTraining.Dpo(policy, golden.Load("ref", trainable: false), layout), pairs);
        Near.Equal(MeanLogit(policy, pairs, pair => pair.ChosenIds), means["logits/chosen"], Tolerance, "logits/chosen");
        Near.Equal(MeanLogit(policy, pairs, pair => pair.RejectedIds), means["logits/rejected"], Tolerance, "logits/rejected");
    }

    /// <summary>rpo_alpha a and the list [sigmoid, sft] with weights 1 and a are the same loss, and its likelihood is the mean over the chosen tokens.</summary>
    [Fact]
    public void The_likelihood_term_is_the_mean_over_the_chosen_tokens()
    {
        using var golden = new GoldenModel("sw8");
        using var scope = NewDisposeScope();
        var (policy, reference) = (golden.Load("policy"), golden.Load("ref", trainable: false));
        var pairs = Pairs();
        var plain = Means(TinyTraining.Dpo(policy, reference), pairs);
        var rpo = Means(TinyTraining.Dpo(policy, reference, DpoSettings.Of(new() { RpoAlpha = 0.7 })), pairs);
        var list = Means(TinyTraining.Dpo(policy, reference, DpoSettings.Of(new() { LossType = ["sigmoid", "sft"], LossWeights = [1, 0.7] })), pairs);
        var likelihood = -plain["logps/chosen"] * pairs.Count / pairs.Sum(pair => pair.ChosenIds.Length);
        Near.Equal(likelihood, rpo["nll_loss"], Tolerance, "nll_loss");
        Near.Equal(plain["loss"] + 0.7 * likelihood, rpo["loss"], Tolerance, "loss");
        Assert.Equal(rpo, list);
        Near.Equal(likelihood, Means(TinyTraining.Dpo(policy, reference, DpoSettings.Of(new() { LossType = ["sft"] })), pairs)["loss"], Tolerance, "sft alone");
    }

    /// <summary>The term's mean is over the step's tokens, so cutting the step into micro-batches changes nothing (decision 4).</summary>
    [Theory]
    [InlineData(null, "separate")]
    [InlineData(null, "separate", "sft")]
    [InlineData(0.4, "separate")]
    [InlineData(0.4, "concatenated")]
    [InlineData(0.4, "shared_prefix")]
    public void Micro_batches_add_up_to_the_large_batch(double? tail, string layout, params string[] losses)
    {
        using var golden = new GoldenModel("sw8");
        using var scope = NewDisposeScope();
        var reference = golden.Load("ref", trainable: false);
        var pairs = Pairs();
        var settings = DpoSettings.Of(new() { LossType = losses.Length > 0 ? losses : ["sigmoid", "sft"], LdAlpha = tail, PairLayout = layout });
        var (whole, parts) = (golden.Load("policy"), golden.Load("policy"));
        var sums = TinyTraining.Dpo(whole, reference, settings).AccumulateGradients(pairs);
        var objective = TinyTraining.Dpo(parts, reference, settings);
        var totals = objective.TotalsOf(pairs);
        var added = pairs.Chunk(1).Select(part => objective.AccumulateGradients(part, totals)).Aggregate((left, right) => left + right);
        Near.Equal(sums, added, Tolerance, "metrics");
        foreach (var (name, parameter) in whole.Parameters.All) Near.Equal(whole.Parameters.Of(name).Gradient!, parts.Parameters.Of(name).Gradient!, Tolerance, name);
    }

    /// <summary>alpha 1 is plain DPO; alpha 0 forgets the tails altogether, so the answers might as well be cut to the shorter one's length.</summary>
    [Fact]
    public void The_tail_counts_for_as_much_as_it_is_told_to()
    {
        using var golden = new GoldenModel("swnone");
        using var scope = NewDisposeScope();
        var (policy, reference) = (golden.Load("policy"), golden.Load("ref", trainable: false));
        var pairs = Pairs();
        var cut = pairs.Select(pair =>
        {
            var shared = Math.Min(pair.ChosenIds.Length, pair.RejectedIds.Length);
            return pair with { ChosenIds = pair.ChosenIds[..shared], RejectedIds = pair.RejectedIds[..shared] };
        }).ToList();
        Dictionary<string, double> At(double? alpha, IReadOnlyList<TokenizedPair> rows) =>
            Means(TinyTraining.Dpo(policy, reference, DpoSettings.Of(new() { LdAlpha = alpha })), rows);

        var (plain, forgotten, shorter, half) = (At(null, pairs), At(0, pairs), At(null, cut), At(0.5, pairs));
        Near.Equal(plain["loss"], At(1, pairs)["loss"], Tolerance, "alpha 1");
        foreach (var name in new[] { "loss", "logps/chosen", "logps/rejected" }) Near.Equal(shorter[name], forgotten[name], Tolerance, name);
        Near.Equal((plain["logps/chosen"] + forgotten["logps/chosen"]) / 2, half["logps/chosen"], Tolerance, "alpha 0.5");
    }

    private static List<TokenizedPair> Pairs() => GoldenModel.Pairs(GoldenModel.Inputs.GetProperty("pairs").GetProperty("examples"));

    private static Dictionary<string, double> Means(DpoObjective objective, IReadOnlyList<TokenizedPair> pairs)
    {
        using var scope = NewDisposeScope();
        var totals = objective.TotalsOf(pairs);
        return objective.Evaluate(pairs).data<float>().ToArray()
            .Select((sum, i) => (Name: objective.MetricNames[i], Mean: sum / totals[i])).ToDictionary(metric => metric.Name, metric => metric.Mean);
    }

    private static double MeanLogit(MistralForCausalLM model, IReadOnlyList<TokenizedPair> pairs, Func<TokenizedPair, int[]> answerOf)
    {
        var (sum, count) = (0.0, 0);
        foreach (var pair in pairs)
        {
            var answer = answerOf(pair);
            var logits_TV = model.Logits(model.HiddenStates(RaggedBatch.Of([.. pair.PromptIds, .. answer])));
            sum += logits_TV.narrow(0, pair.PromptIds.Length - 1, answer.Length).mean([1]).sum().item<float>();
            count += answer.Length;
        }
        return sum / count;
    }
}
