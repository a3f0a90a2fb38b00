namespace Zephyr.Data.Sources;

/// <summary>One answer to a prompt, with whatever was said about it.</summary>
/// <param name="Model">Who answered; "unknown" where the row does not say.</param>
/// <param name="Response">The answer; empty where the model gave none.</param>
/// <param name="Fields">All fields of the completion, scores and annotations among them, as <see cref="DataRow"/> describes.</param>
public sealed record ScoredCompletion(string Model, string Response, IReadOnlyDictionary<string, object?> Fields);

/// <summary>A prompt with the scored answers of several models (AIF).</summary>
/// <param name="Location">File and line or row.</param>
/// <param name="Prompt">The instruction, one user turn.</param>
/// <param name="Completions">The answers, in the row's order.</param>
public sealed record ScoredPrompt(RowLocation Location, string Prompt, IReadOnlyList<ScoredCompletion> Completions);
