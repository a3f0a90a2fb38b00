using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Feedback.Calls;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>A folder with a journal, and calls to ask.</summary>
internal sealed class CallWorld : IDisposable
{
    private readonly TempFolder _folder = new();

    public string Journal => _folder.PathOf("calls.jsonl");

    public SkippingTime Time { get; init; } = new();

    public ModelCalls Open(PoolModel model, BudgetOptions? budget = null, ICallObserver? observer = null) => new(new(
        ModelPool.Of(model), budget ?? new(), Journal, Seed: 42, _ => throw new InvalidOperationException("no local model here"), observer ?? SilentCalls.Instance, Time));

    public static ModelCall Call(string words, string model = "fake", CallOptions? options = null) =>
        new($"generate/{words}/0", model, [new(ChatMessage.User, words)], options ?? new(MaxNewTokens: 64));

    public IReadOnlyList<string> Lines => [.. File.ReadLines(Journal).Skip(1)];

    public void Dispose() => _folder.Dispose();
}
