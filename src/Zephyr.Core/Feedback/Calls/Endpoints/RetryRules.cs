using System.Net.Http.Headers;
using Microsoft.Extensions.Http.Resilience;
using Polly;
using Polly.Timeout;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls.Endpoints;

/// <summary>How often and when a call is sent again.</summary>
internal static class RetryRules
{
    // "wait" in ASCII: what the numbers are for.
    private const long Stream = 0x77616974;

    private static readonly TimeSpan First = TimeSpan.FromSeconds(1), Longest = TimeSpan.FromMinutes(1);

    /// <summary>The longest that an endpoint may ask to be left alone; one that asks for more (a day's quota that is used up) stops the run.</summary>
    public static readonly TimeSpan LongestAsked = TimeSpan.FromMinutes(15);

    /// <summary>Sends again what may pass: after as long as the endpoint asks for, or after a wait that doubles.</summary>
    /// <param name="options">The endpoint.</param>
    /// <param name="seed">The run's seed, for the jitter.</param>
    /// <param name="clock">Waits.</param>
    public static ResiliencePipeline<HttpResponseMessage> Retry(EndpointOptions options, long seed, TimeProvider clock)
    {
        var builder = new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = clock };
        if (options.MaxRetries == 0) return builder.Build();
        return builder.AddRetry(new HttpRetryStrategyOptions
        {
            MaxRetryAttempts = options.MaxRetries,
            ShouldRetryAfterHeader = false,
            ShouldHandle = arguments => ValueTask.FromResult(arguments.Outcome.Exception is AttemptFailedException { Kind: FailureKind.Passing } or TimeoutRejectedException),
            DelayGenerator = arguments => ValueTask.FromResult<TimeSpan?>(DelayOf(arguments.Outcome.Exception, arguments.AttemptNumber, seed)),
        }).Build();
    }

    /// <summary>Gives one attempt up after its time.</summary>
    public static ResiliencePipeline<HttpResponseMessage> Timeout(EndpointOptions options, TimeProvider clock) =>
        new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = clock }
            .AddTimeout(new HttpTimeoutStrategyOptions { Timeout = TimeSpan.FromSeconds(Math.Clamp(options.Timeout, 0.01, 86_400)) }).Build();

    /// <summary>Retry-After, in seconds or as a date; null where it is not there or has passed.</summary>
    public static TimeSpan? AskedBy(HttpResponseHeaders headers, TimeProvider clock) => (headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - clock.GetUtcNow(),
        _ => TimeSpan.Zero,
    }) is var wait && wait > TimeSpan.Zero ? wait : null;

    private static TimeSpan DelayOf(Exception? failure, int attempt, long seed)
    {
        var backoff = Math.Min(Longest.TotalSeconds, First.TotalSeconds * Math.Pow(2, Math.Min(attempt, 30)));
        var random = new SeededRandom(seed, Stream, unchecked((long)(ulong)CallContext.Current.Key), attempt).NextDouble();
        // What was asked for is the least; many that were refused together do not come back together.
        return failure is AttemptFailedException { Wait: { } asked } ? asked + TimeSpan.FromSeconds(random * First.TotalSeconds) : TimeSpan.FromSeconds(backoff * (0.5 + random / 2));
    }
}
