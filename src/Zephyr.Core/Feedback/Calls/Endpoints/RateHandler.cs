namespace Zephyr.Feedback.Calls.Endpoints;

/// <summary>Lets requests through as fast as the endpoint's limits allow. It stands between the retries and the time limit: waiting for a turn is no part of an attempt.</summary>
internal sealed class RateHandler(RateGate gate) : DelegatingHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        await gate.Wait(CallContext.Current.Tokens, cancellationToken);
        try
        {
            return await base.SendAsync(request, cancellationToken);
        }
        catch (AttemptFailedException failure) when (failure is { Kind: FailureKind.Passing, Wait: { } wait })
        {
            gate.Pause(wait);
            throw;
        }
    }
}
