using System.Security.Cryptography;
using System.Text;

namespace Zephyr.Feedback;

/// <summary>What names a prompt: the SHA-256 of its UTF-8 text, as in ultrafeedback_binarized.</summary>
public static class PromptId
{
    /// <summary>The column <c>prompt_id</c>: 64 lower-case hex digits.</summary>
    public static string Of(string prompt) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(prompt)));
}
