using Zephyr.Model;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Objectives;

/// <summary>
/// The one place where rows meet the vocabulary: a buffer that is made once and serves every chunk of policy and reference, so that the largest
/// tensor of a step neither comes and goes nor leaves holes between the smaller ones.
/// </summary>
/// <param name="bytes">What it may take.</param>
public sealed class LogitsWorkspace(long bytes = LogitsWorkspace.UsualBytes) : IDisposable
{
    /// <summary>1,048 rows at V = 32,000, which holds both answers of most pairs.</summary>
    public const long UsualBytes = 128L << 20;

    private Tensor? _buffer_RV;

    /// <summary>How many rows of logits it holds.</summary>
    public int RowsOf(int vocabulary) => RowsOf(vocabulary, bytes);

    /// <summary>How many rows of logits so many bytes hold; one at least.</summary>
    public static int RowsOf(int vocabulary, long bytes) => (int)Math.Clamp(bytes / (sizeof(float) * (long)vocabulary), 1, int.MaxValue);

    /// <summary>The logits of some rows, [C, V] fp32: a view that the next call overwrites. At most <see cref="RowsOf(int)"/> rows, or room is made for more.</summary>
    public Tensor Logits(MistralForCausalLM model, Tensor hidden_CD)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(hidden_CD);
        var (rows, head_VD) = (hidden_CD.shape[0], model.Head_VD);
        if (_buffer_RV is null || _buffer_RV.shape[0] < rows || _buffer_RV.shape[1] != head_VD.shape[0])
        {
            _buffer_RV?.Dispose();
            // A small model on short rows needs a part of it only; what grows, grows soon to the whole.
            var room = Math.Max(rows, Math.Min(RowsOf(model.Config.VocabSize), 16 * rows));
            _buffer_RV = empty(room, head_VD.shape[0], dtype: ScalarType.Float32, device: head_VD.device).DetachFromDisposeScope();
        }
        var logits_CV = _buffer_RV.narrow(0, 0, rows);
        if (hidden_CD.dtype == ScalarType.Float32) logits_CV.addmm_(hidden_CD, head_VD.t(), beta: 0, alpha: 1); // 0 times what stands there is nothing, whatever it is.
        else logits_CV.copy_(linear(hidden_CD, head_VD));
        return logits_CV;
    }

    /// <inheritdoc/>
    public void Dispose() => _buffer_RV?.Dispose();
}
