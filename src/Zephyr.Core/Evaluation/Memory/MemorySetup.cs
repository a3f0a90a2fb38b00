using Zephyr.Configuration;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Model.Quantization;
using Zephyr.Objectives;
using Zephyr.Training;

namespace Zephyr.Evaluation.Memory;

/// <summary>What of a configuration decides over memory, besides the rows.</summary>
/// <param name="Model">The policy.</param>
public sealed record MemorySetup(MistralConfig Model)
{
    /// <summary>What learns in place of all weights; null where those do.</summary>
    public LoraConfig? Adapter { get; init; }

    /// <summary>How the layers' linear maps are held in 4 bits, the reference's too; null where they are not.</summary>
    public Nf4Settings? Quantization { get; init; }

    /// <summary>Probability that an element of the adapter's input is dropped, as it is applied.</summary>
    public double Dropout { get; init; }

    /// <summary>A frozen copy of the adapter that the run started from is the reference.</summary>
    public bool StartingAdapter { get; init; }

    /// <summary>Pairs are trained on, with DPO.</summary>
    public bool IsDpo { get; init; }

    /// <summary>The reference model that is in memory while training; null where there is none.</summary>
    public MistralConfig? Reference { get; init; }

    /// <summary>The reference's passes are among the steps, by a second model or by the policy with its adapter off.</summary>
    public bool ReferenceInSteps { get; init; }

    /// <summary>How the answers of pairs are laid out.</summary>
    public PairLayoutKind Layout { get; init; }

    /// <summary>bf16 weights and activations with an fp32 master copy.</summary>
    public bool Bf16 { get; init; }

    /// <summary>Every k-th layer is run again on the way back; 0 for none.</summary>
    public int RecomputeEvery { get; init; }

    /// <summary>Running averages of a number that is learned: AdamW has two, RMSprop one.</summary>
    public int Averages { get; init; } = 2;

    /// <summary>Bytes of a number in them.</summary>
    public int AverageWidth { get; init; } = 4;

    /// <summary>Averages and master copy are in host memory, where the update is made.</summary>
    public bool UpdatesOnHost { get; init; }

    /// <summary>They are there, and the model is not.</summary>
    public bool StateOnHost => UpdatesOnHost && OnCuda;

    /// <summary>The model is on a GPU.</summary>
    public bool OnCuda { get; init; }

    /// <summary>What the keys of a training stage, and of a benchmark, decide.</summary>
    /// <param name="model">The policy.</param>
    /// <param name="adapter">What learns in place of all weights; null where those do.</param>
    /// <param name="quantization">How linear maps are held in 4 bits; null where they are not.</param>
    /// <param name="training">Precision and recomputation.</param>
    /// <param name="optimizer">Which it is, where its state lives and how exactly.</param>
    /// <param name="onCuda">The model is on a GPU.</param>
    public static MemorySetup Of(MistralConfig model, LoraConfig? adapter, Nf4Settings? quantization, TrainingOptions training, OptimizerOptions optimizer, bool onCuda)
    {
        ArgumentNullException.ThrowIfNull(training);
        ArgumentNullException.ThrowIfNull(optimizer);
        return new(model)
        {
            Adapter = adapter,
            Quantization = quantization,
            Dropout = adapter?.Dropout ?? 0,
            Bf16 = training.Bf16,
            RecomputeEvery = training.RecomputeEvery(),
            Averages = OptimizerNames.KindOf(optimizer.Optim) == OptimizerKind.RmsProp ? 1 : 2,
            AverageWidth = optimizer.OptimStateDtype == "bfloat16" ? 2 : 4,
            UpdatesOnHost = optimizer.OptimStateDevice == "host",
            OnCuda = onCuda,
        };
    }

    /// <summary>How many numbers learn.</summary>
    public long Learned => Adapter?.ParameterCountOf(Model) ?? Model.ParameterCount;

    /// <summary>Bytes of a weight or an activation.</summary>
    public int Width => Bf16 ? 2 : 4;

    /// <summary>A model's weights as they are held.</summary>
    public long WeightBytes(MistralConfig model) => model.Weights.Select(weight => (weight.Name, Count: weight.Shape.Aggregate(1L, (product, side) => product * side)))
        .Sum(weight => Quantization is not null && Nf4Settings.Holds(weight.Name) ? Quantization.BytesOf(weight.Count) : weight.Count * Width);
}
