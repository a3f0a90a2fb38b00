using Zephyr.Runtime;

namespace Zephyr.Training;

/// <summary>A step's loss or gradient was not finite. It was thrown before the step reached the weights.</summary>
public sealed class NonFiniteStepException(int step, double loss, double norm)
    : RunFailedException($"step {step}: the loss is {loss} and the gradient norm {norm}; the step was not taken, the weights are those of step {step - 1}");
