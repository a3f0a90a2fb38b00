using Zephyr.Model.Adapters;
using Zephyr.Model.Weights;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>An adapter folder by its headers: what it holds, on which model, and whether the two fit.</summary>
/// <param name="Folder">Where it stands.</param>
/// <param name="Config">Its shape.</param>
/// <param name="Tensors">Its factors, in the order of their names.</param>
/// <param name="Bytes">Size of their file.</param>
/// <param name="Base">The plain model under it, in a few words; or what is wrong with it.</param>
/// <param name="BaseFits">Whether there is one that the factors fit.</param>
/// <param name="BaseParameters">How many numbers that has; 0 where it is not there.</param>
/// <param name="Differences">What of the factors is missing, unexpected or mis-shaped.</param>
/// <param name="Tokenizer">"32000 pieces"; or what is wrong with it.</param>
/// <param name="TokenizerFits">Whether there is one that fits.</param>
public sealed record AdapterInspection(string Folder, LoraConfig Config, IReadOnlyList<TensorSummary> Tensors, long Bytes, string Base, bool BaseFits, long BaseParameters,
    WeightDifferences Differences, string Tokenizer, bool TokenizerFits)
{
    /// <summary>Whether a stage could start from it as it stands.</summary>
    public bool IsWhole => BaseFits && TokenizerFits && !Differences.Any;

    /// <summary>How many numbers were learned.</summary>
    public long Parameters => Tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>Reads a folder; no weight is read.</summary>
    /// <param name="folder">The adapter folder.</param>
    /// <param name="baseFolder">The plain model under it, where not the one that its config names.</param>
    /// <exception cref="UserErrorException">It holds no such adapter, or a file of it is broken.</exception>
    public static AdapterInspection Of(string folder, string? baseFolder)
    {
        var config = AdapterConfigFile.Read(folder);
        var path = Path.Combine(folder, AdapterFolder.WeightsFile);
        var file = SafetensorsFile.Open(path);
        var found = new AdapterInspection(folder, config,
            [.. file.Entries.Values.OrderBy(entry => entry.Name, StringComparer.Ordinal).Select(entry => TensorSummary.Of(file, entry))],
            new FileInfo(path).Length, "", false, 0, new([], [], []), "", false);
        try
        {
            var source = ModelSource.Of(folder, baseFolder);
            var model = source.ReadConfig();
            ModelFolder.RequirePlainWeights(source.Base, model);
            var (words, fits) = ModelInspection.TokenizerOf(source.TokenizerFolder, model);
            return found with
            {
                Base = source.Base,
                BaseFits = true,
                BaseParameters = model.ParameterCount,
                Differences = AdapterFolder.Compare(folder, config, model).Differences,
                Tokenizer = words,
                TokenizerFits = fits,
            };
        }
        catch (UserErrorException unfit)
        {
            return found with { Base = unfit.Message, Tokenizer = "not looked at" };
        }
    }
}
