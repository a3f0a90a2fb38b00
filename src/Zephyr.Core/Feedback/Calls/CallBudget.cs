using System.Globalization;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>
/// The caps on calls, tokens and money. No call begins that could go over one with the answer that it asks for (attempts that broke off count too, afterwards): while it is under way the most that it may come to counts.
/// One that does not fit waits for those under way, most of which come to less; where none is, the budget is spent.
/// </summary>
/// <param name="caps">The caps; 0 for none.</param>
/// <param name="spent">What earlier starts of the run came to.</param>
internal sealed class CallBudget(BudgetOptions caps, CallUsage spent)
{
    private readonly Lock _gate = new();
    private CallUsage _spent = spent, _reserved = CallUsage.None;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Takes the most that a call may come to off the budget.</summary>
    /// <exception cref="RunFailedException">It does not fit, and nothing under way could make room.</exception>
    public async Task Reserve(CallUsage most, CancellationToken cancellation)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (Exceeded(_spent + _reserved + most) is not { } cap)
                {
                    _reserved += most;
                    return;
                }
                if (_reserved.Calls == 0) throw new RunFailedException(Spent(cap));
                changed = _changed.Task;
            }
            await changed.WaitAsync(cancellation);
        }
    }

    /// <summary>Puts back what was reserved, and takes off what it came to.</summary>
    public void Settle(CallUsage reserved, CallUsage actual)
    {
        lock (_gate)
        {
            _reserved = new(_reserved.Calls - reserved.Calls, 0, _reserved.PromptTokens - reserved.PromptTokens,
                _reserved.CompletionTokens - reserved.CompletionTokens, _reserved.Cost - reserved.Cost);
            _spent += actual;
            _changed.SetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private string? Exceeded(CallUsage total) =>
        caps.MaxCalls > 0 && total.Calls > caps.MaxCalls ? "max_calls"
        : caps.MaxTokensTotal > 0 && total.Tokens > caps.MaxTokensTotal ? "max_tokens_total"
        : caps.MaxCost > 0 && total.Cost > (decimal)caps.MaxCost ? "max_cost"
        : null;

    private string Spent(string cap) => string.Create(CultureInfo.InvariantCulture,
        $"{cap}: the next call could go over it, so that none is begun: {_spent.Calls:N0} calls, {_spent.Tokens:N0} tokens and a cost of {_spent.Cost:0.####} were spent over all starts of the run; "
        + $"all answers are kept, and the same command with a higher {cap} goes on from them");
}
