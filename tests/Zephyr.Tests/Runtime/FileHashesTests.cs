using System.Security.Cryptography;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Runtime;

public sealed class FileHashesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0), InlineData(1), InlineData(65536), InlineData(200_001)]
    public void A_file_is_named_by_its_content(int length)
    {
        var content = Enumerable.Range(0, length).Select(i => (byte)(i * 7)).ToArray();
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(content)), new FileHashes().Of(_folder.Write("file", content), Token));
    }

    [Fact]
    public void A_file_that_is_written_to_meanwhile_is_refused()
    {
        string file = _folder.Write("file", "one"), other = _folder.Write("other", "two"), never = _folder.Write("never", "hashed");
        var hashes = new FileHashes();
        var hash = hashes.Of(file, Token);
        hashes.Of(other, Token);
        hashes.RequireUnchanged([file, other, never]);
        File.AppendAllText(never, "more");
        hashes.RequireUnchanged([file, other, never]);
        File.AppendAllText(file, "more");
        Assert.Equal(hash, hashes.Of(file, Token));
        Assert.Equal($"{file}: was changed while it was being read, expected a file that nobody writes to",
            Assert.Throws<UserErrorException>(() => hashes.RequireUnchanged([other, file])).Message);
        File.Delete(other);
        Assert.Throws<UserErrorException>(() => hashes.RequireUnchanged([other]));
    }
}
