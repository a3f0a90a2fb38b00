using Zephyr.Runtime;

namespace Zephyr.Training;

/// <summary>A step's loss or gradient was not finite. It was thrown before the step reached the weights.</summary>
/// <param name="step">The step that was not taken.</param>
/// <param name="loss">Its mean loss.</param>
/// <param name="norm">The norm of its gradient.</param>
/// <param name="kept">What there is to go on from.</param>
public sealed class NonFiniteStepException(int step, double loss, double norm, string kept)
    : RunFailedException($"step {step}: the loss is {loss} and the gradient norm {norm}; the step was not taken, and {kept}");
