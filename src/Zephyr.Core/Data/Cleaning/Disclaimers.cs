using System.Text.RegularExpressions;

namespace Zephyr.Data.Cleaning;

/// <summary>Answers that say of themselves that they have no feelings, opinions or experiences: the paper left dialogues with them out, as they answer questions of fact in the same way.</summary>
public static partial class Disclaimers
{
    // A preface is the first two sentences.
    private const int PrefaceSentences = 2;

    /// <summary>The words by which an answer does so.</summary>
    /// <param name="answer">An assistant's turn.</param>
    /// <param name="anywhere">Wherever in it; otherwise in its first two sentences.</param>
    /// <returns>What it says; null where it does not.</returns>
    public static string? Find(string answer, bool anywhere)
    {
        var end = anywhere ? answer.Length : PrefaceEnd(answer);
        var match = Pattern().Match(answer);
        return match.Success && match.Index < end ? match.Value : null;
    }

    private static int PrefaceEnd(string answer)
    {
        var sentences = 0;
        foreach (var end in SentenceEnd().EnumerateMatches(answer))
            if (++sentences == PrefaceSentences) return end.Index;
        return answer.Length;
    }

    private const string Negation = @"(?:(?:do|does|can|could|am|is)\s+not|don['’]?t|doesn['’]?t|can['’]?t|cannot|lack|(?:have|has|having|possess)\s+no|not\s+capable\s+of|incapable\s+of|unable\s+to|without)";

    private const string ForMe = @"(?:not\s+possible|impossible)\s+for\s+me\s+to";

    // Only these may stand between the negation and what there is none of: "I don't have access to your opinions" is another matter.
    private const string Between = @"(?:[\s,]+(?:able|capable|have|having|possess|possessing|hold|holding|feel|feeling|experience|experiencing|form|forming|express|share|offer|provide|give|any|a|an|own|the|my|of|or|and|nor|to|for|as|actually|really|truly|currently|personally|ability|capacity|capability|kind|sort|type|such|personal|human|human-like|humanlike|individual|subjective|physical|real|real-life|real-world|actual|genuine|true|strong|emotional|political|religious|moral|inner|conscious|first-hand|firsthand|direct|lived|life|body|form|senses|existence|consciousness|sentience|awareness|self-awareness|thoughts?|feelings?|emotions?|beliefs?|opinions?|experiences?|preferences?|desires?|likes|dislikes|tastes|biases|memories|values)){0,14}?";

    private const string Nothing = @"[\s,]+(?:feelings?|emotions?|opinions?|beliefs|preferences?|consciousness|sentience|desires|memories|tastes|viewpoints?|biases|(?:personal|human|physical|real|real-life|real-world|lived|subjective|first-hand|firsthand|emotional|own|actual|direct|life)\s+(?:[\w-]+\s+or\s+)?(?:experiences?|thoughts|perspectives?|views?)|(?:thoughts|feelings|emotions|opinions|beliefs|preferences)\s*(?:,|or|and|/)\s*experiences?)\b";

    [GeneratedRegex(@"\b(?:(?:I|AI|I['’]m|artificial\s+intelligence|language\s+model|machine|program|chatbot)\b[^.!?\n]{0,80}?\b" + Negation + "|" + ForMe + ")" + Between + Nothing, RegexOptions.IgnoreCase)]
    private static partial Regex Pattern();

    [GeneratedRegex(@"[.!?]+[""”')\]*]*(?=\s|$)")]
    private static partial Regex SentenceEnd();
}
