using Zephyr.Model.Generation;
using Zephyr.Runtime;

namespace Zephyr.Serving;

/// <summary>What a service may take.</summary>
/// <param name="Batch">What is under way at a time.</param>
/// <param name="MaxQueue">The most answers that wait besides; more are refused.</param>
/// <param name="Seed">Requests without a seed of their own get one that is made of this and their number.</param>
public sealed record ServiceLimits(BatchLimits Batch, int MaxQueue = int.MaxValue / 2, long Seed = 42);

/// <summary>There is no place for another request now.</summary>
public sealed class QueueFullException() : RunFailedException("all places are taken and the queue is full; try again later");

/// <summary>The service answers nothing any more.</summary>
public sealed class ServiceStoppedException() : RunFailedException("the service is shutting down");
