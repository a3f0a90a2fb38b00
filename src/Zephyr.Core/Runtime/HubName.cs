using System.Text.RegularExpressions;

namespace Zephyr.Runtime;

/// <summary>Names such as mistralai/Mistral-7B-v0.1: recipes give them where this program reads a folder.</summary>
public static partial class HubName
{
    /// <summary>
    /// Where a path that does not exist has the form of such a name, how to bring what it names to that very path, as a clause that goes
    /// behind a sentence: "; if it is a name on the Hugging Face hub, ...". Empty for all other paths.
    /// </summary>
    /// <param name="path">As the user wrote it, relative to the current directory.</param>
    /// <param name="isDataset">Whether rows or a model were expected.</param>
    public static string Hint(string path, bool isDataset = false) => !Form().IsMatch(path) ? ""
        : $"; if it is a name on the Hugging Face hub, bring it here first: hf download {path}{(isDataset ? " --repo-type dataset" : "")} --local-dir {path}";

    [GeneratedRegex(@"^[A-Za-z0-9][\w-]*/[A-Za-z0-9][\w.-]*\z")]
    private static partial Regex Form();
}
