using System.Text;
using Zephyr.Runtime;

namespace Zephyr.Cli;

/// <summary>
/// The results' stream, where a write that fails (a full disk) is a failed run and not a defect of the program. It is said once: what
/// is written afterwards goes nowhere.
/// </summary>
internal sealed class ResultWriter : TextWriter
{
    private readonly TextWriter _inner;
    private bool _failed;

    public ResultWriter(TextWriter inner) => (_inner, CoreNewLine) = (inner, inner.NewLine.ToCharArray());

    public override Encoding Encoding => _inner.Encoding;

    public override void Write(char value) => Try(() => _inner.Write(value));

    public override void Write(string? value) => Try(() => _inner.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => _inner.Write(buffer, index, count));

    public override void WriteLine(string? value) => Try(() => _inner.WriteLine(value));

    public override void Flush() => Try(_inner.Flush);

    private void Try(Action write)
    {
        if (_failed) return;
        try
        {
            write();
        }
        catch (IOException error)
        {
            // A reader that went away (zephyr ... | head) does not come here: the runtime swallows a broken pipe. A full disk does.
            _failed = true;
            throw new RunFailedException($"the output could not be written: {error.Message}", error);
        }
    }
}
