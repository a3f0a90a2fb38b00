using Zephyr.Model.Quantization;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Weights;

/// <summary>
/// Reads weights from one safetensors file or from shards with an index. Names and shapes are compared with what the model
/// needs before a byte of data is read; each tensor is then read straight into the parameter.
/// </summary>
internal static class WeightReader
{
    /// <summary>Rows are read in portions of at most this many bytes: all that a conversion holds besides the model.</summary>
    private const long Portion = 1L << 26;

    /// <summary>Loads every tensor that <paramref name="needed"/> lists.</summary>
    /// <param name="folder">Holds model.safetensors, or model.safetensors.index.json and its shards.</param>
    /// <param name="needed">Names and shapes, in the order they are wanted.</param>
    /// <param name="isKnownExtra">Tensors that may stand in the file unread.</param>
    /// <param name="dtype">The data type of the parameters.</param>
    /// <param name="device">Where they go.</param>
    /// <param name="quantization">How linear maps are held in 4 bits; null where they are held like the others.</param>
    /// <exception cref="UserErrorException">A file is missing or broken, or tensors are missing, unexpected or mis-shaped: all are listed.</exception>
    public static ParameterSet Read(string folder, IEnumerable<(string Name, long[] Shape)> needed, Func<string, bool> isKnownExtra,
        ScalarType dtype, Device device, Nf4Settings? quantization = null)
    {
        var wanted = needed.ToList();
        var files = WeightFiles.Open(folder);
        files.RequireFit(wanted, isKnownExtra);
        return Read(wanted, name => files.Tensors[name], dtype, device, quantization);
    }

    /// <summary>Loads tensors whose names and shapes have been compared.</summary>
    /// <param name="wanted">In the order they are wanted; at least one.</param>
    /// <param name="find">Where each stands.</param>
    /// <param name="dtype">The data type of the parameters.</param>
    /// <param name="device">Where they go.</param>
    /// <param name="quantization">How linear maps are held in 4 bits; null where they are held like the others.</param>
    /// <exception cref="UserErrorException">A file cannot be read.</exception>
    public static ParameterSet Read(IReadOnlyList<(string Name, long[] Shape)> wanted, Func<string, (SafetensorsFile File, TensorEntry Entry)> find, ScalarType dtype, Device device,
        Nf4Settings? quantization = null)
    {
        var parameters = new ParameterSet();
        // One for all tensors: freed and allocated for each, it would leave holes between the parameters (a quarter of a 1 GB model).
        using var staging = empty(Portion / sizeof(short), dtype: find(wanted[0].Name).Entry.Dtype);
        try
        {
            foreach (var (name, shape) in wanted)
            {
                var (file, entry) = find(name);
                if (quantization is not null && Nf4Settings.Holds(name))
                {
                    // From the file's own numbers, not from what the run's data type makes of them; one weight at a time is whole.
                    using var whole = empty(shape, dtype: entry.Dtype, device: device);
                    ReadInto(file, entry, whole, staging);
                    parameters.Add(name, Nf4Matrix.Quantize(whole, quantization.Nested));
                    continue;
                }
                var parameter = empty(shape, dtype: dtype, device: device);
                parameters.Add(name, parameter);
                ReadInto(file, entry, parameter, staging);
            }
            return parameters;
        }
        catch
        {
            parameters.Dispose();
            throw;
        }
    }

    /// <summary>Reads one tensor straight into <paramref name="target"/>, converting where the data types differ.</summary>
    /// <param name="file">Where it stands.</param>
    /// <param name="entry">Its place there.</param>
    /// <param name="target">Of the same shape.</param>
    /// <param name="staging">Room for a portion that is converted or goes to another device; where it does not serve, some is made for the call.</param>
    public static void ReadInto(SafetensorsFile file, TensorEntry entry, Tensor target, Tensor? staging = null)
    {
        if (target.numel() == 0) return;
        try
        {
            ReadRows(file, entry, target, staging);
        }
        catch (IOException error)
        {
            throw new UserErrorException($"{file.Path}: the tensor {entry.Name} could not be read: {error.Message}", error);
        }
    }

    private static void ReadRows(SafetensorsFile file, TensorEntry entry, Tensor target, Tensor? staging)
    {
        using var data = file.OpenData();
        data.Position = entry.Begin;
        var rows = entry.Shape.Length == 0 ? 1 : entry.Shape[0];
        var bytesPerRow = (entry.End - entry.Begin) / rows;
        var rowsAtOnce = Math.Max(1, Portion / bytesPerRow);
        for (long row = 0; row < rows; row += rowsAtOnce)
        {
            using var scope = NewDisposeScope();
            var part = entry.Shape.Length == 0 ? target : target.narrow(0, row, Math.Min(rowsAtOnce, rows - row));
            if (part.dtype == entry.Dtype && part.device.type == TorchSharp.DeviceType.CPU)
            {
                data.ReadExactly(part.bytes);
                continue;
            }
            var serves = staging?.dtype == entry.Dtype && staging.numel() >= part.numel();
            var portion = serves ? staging!.narrow(0, 0, part.numel()) : empty(part.numel(), dtype: entry.Dtype);
            data.ReadExactly(portion.bytes);
            part.copy_(portion.view(part.shape));
        }
    }
}
