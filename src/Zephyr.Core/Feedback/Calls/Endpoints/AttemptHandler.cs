using System.Net;
using System.Net.Http.Headers;

namespace Zephyr.Feedback.Calls.Endpoints;

/// <summary>
/// One attempt: sends the request, reads the whole answer and looks whether it is one. Behind it there are only answers and <see cref="AttemptFailedException"/>s, so that what the
/// client makes of odd bytes is never asked.
/// </summary>
/// <param name="texts">Words for what went wrong, without the key.</param>
/// <param name="hasKey">Whether the endpoint asks for a key; the client sends one in any case.</param>
/// <param name="clock">For a Retry-After that is a date.</param>
internal sealed class AttemptHandler(FailureTexts texts, bool hasKey, TimeProvider clock) : DelegatingHandler
{
    // 1,024 tokens take some 6 KB; one that has no end must not fill the memory.
    private const long LargestAnswer = 16 << 20;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var context = CallContext.Current;
        if (!hasKey) request.Headers.Authorization = null;
        context.BeginAttempt();
        var isLost = true;
        try
        {
            using var response = await SendWhole(request, cancellationToken);
            var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
            isLost = response.IsSuccessStatusCode;
            if (!response.IsSuccessStatusCode) throw texts.Refused(response, body, RetryRules.AskedBy(response.Headers, clock));
            var answer = AnswerBody.Read(body) ?? throw texts.NoAnswer(body);
            context.Answer();
            (context.FinishReason, context.Counted) = (answer.FinishReason, answer.Counted);
            return new(HttpStatusCode.OK)
            {
                RequestMessage = request,
                Content = new ByteArrayContent(answer.ToJson()) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
            };
        }
        catch (Exception failure)
        {
            context.FailAttempt(isLost && failure is not HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError });
            throw failure is HttpRequestException or IOException ? texts.Broken(failure) : Rethrown(failure);
        }
    }

    private async Task<HttpResponseMessage> SendWhole(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        try
        {
            await response.Content.LoadIntoBufferAsync(LargestAnswer, cancellationToken);
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private static Exception Rethrown(Exception failure)
    {
        System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        return failure;
    }
}
