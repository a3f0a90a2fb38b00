using Microsoft.Extensions.AI;
using Zephyr.Configuration;
using Zephyr.Feedback.Calls;
using Zephyr.Model.Generation;

namespace Zephyr.Pipeline;

/// <summary>Models on this machine as members of a pool (<see cref="OpenLocalModel"/>).</summary>
internal static class LocalModels
{
    /// <summary>Loads a model; the client owns it.</summary>
    public static IChatClient Open(EndpointOptions options)
    {
        var model = LocalModel.Load(options.Local!, new(new BatchLimits(options.MaxConcurrency, options.MaxCacheTokens)), options.ToLoading(), options.Base);
        return new Owner(model, model.Client(options.Local!, options.AutoInsertEmptySystemMsg));
    }

    private sealed class Owner(LocalModel model, IChatClient client) : DelegatingChatClient(client)
    {
        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (disposing) model.Dispose();
        }
    }
}
