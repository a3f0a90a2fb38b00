using Zephyr.Runtime;

namespace Zephyr.Training;

/// <summary>A step's loss or gradient was not finite. It was thrown before the step reached the weights.</summary>
/// <param name="what">Which step, its loss and gradient norm, and the rows.</param>
/// <param name="kept">What there is to go on from.</param>
public sealed class NonFiniteStepException(string what, string kept) : RunFailedException($"{what}; the step was not taken, and {kept}");
