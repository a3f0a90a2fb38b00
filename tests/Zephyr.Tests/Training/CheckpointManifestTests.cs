using Zephyr.Tests.Data.Sources;
using Zephyr.Training;

namespace Zephyr.Tests.Training;

/// <summary>Every byte of a checkpoint counts: whatever is missing, cut or altered is named.</summary>
public sealed class CheckpointManifestTests : IDisposable
{
    private readonly TempFolder _temp = new();
    private readonly string _folder;

    public CheckpointManifestTests()
    {
        _folder = Directory.CreateDirectory(_temp.PathOf("checkpoint-3")).FullName;
        foreach (var name in new[] { "model.safetensors", "optimizer.safetensors", TrainingState.FileName }) File.WriteAllText(PathOf(name), $"the content of {name}");
        CheckpointManifest.Write(_folder);
    }

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void What_was_written_is_whole()
    {
        Assert.Empty(Problems());
        Assert.True(CheckpointManifest.LooksWhole(_folder));
        // Somebody's note beside it is no part of it.
        File.WriteAllText(PathOf("note.txt"), "the good one");
        Assert.Empty(Problems());
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("optimizer.safetensors")]
    [InlineData("trainer_state.json")]
    public void Any_byte_that_is_another_is_found(string name)
    {
        var before = File.ReadAllBytes(PathOf(name));
        for (var at = 0; at < before.Length; at++)
        {
            var altered = before.ToArray();
            altered[at] ^= 1;
            File.WriteAllBytes(PathOf(name), altered);
            Assert.StartsWith($"the content of {name} is not what was written (SHA-256 ", Assert.Single(Problems()), StringComparison.Ordinal);
        }
        // Without reading it that is not to be seen.
        Assert.True(CheckpointManifest.LooksWhole(_folder));
    }

    [Fact]
    public void What_is_torn_is_seen_without_reading_it()
    {
        File.WriteAllText(PathOf("model.safetensors"), "the con");
        File.Delete(PathOf("optimizer.safetensors"));
        Assert.False(CheckpointManifest.LooksWhole(_folder));
        Assert.Equal(["model.safetensors has 7 bytes and had 32", "optimizer.safetensors is missing"], Problems());
    }

    [Theory]
    [InlineData(null, "manifest.json is missing, which is written last")]
    [InlineData("", "manifest.json is torn or altered")]
    [InlineData("{\"files\": {\"model", "manifest.json is torn or altered")]
    [InlineData("[]", "manifest.json is torn or altered")]
    [InlineData("{\"files\": 3}", "manifest.json is torn or altered")]
    [InlineData("{\"files\": {}}", "manifest.json does not describe a checkpoint")]
    [InlineData("{\"files\": {\"trainer_state.json\": {\"bytes\": 1, \"sha256\": \"00\"}}}", "manifest.json does not describe a checkpoint")]
    [InlineData("{\"files\": {\"trainer_state.json\": {\"bytes\": -1.5, \"sha256\": \"00\"}}}", "manifest.json is torn or altered")]
    public void Without_a_sound_manifest_nothing_is_whole(string? content, string problem)
    {
        File.Delete(PathOf(CheckpointManifest.FileName));
        if (content is not null) File.WriteAllText(PathOf(CheckpointManifest.FileName), content);
        Assert.Equal([problem], Problems());
        Assert.False(CheckpointManifest.LooksWhole(_folder));
    }

    [Fact]
    public void It_leads_nowhere_else()
    {
        var manifest = File.ReadAllText(PathOf(CheckpointManifest.FileName));
        File.WriteAllText(PathOf(CheckpointManifest.FileName), manifest.Replace("model.safetensors", "../../secret", StringComparison.Ordinal));
        Assert.Equal(["manifest.json does not describe a checkpoint"], Problems());
    }

    private string[] Problems() => [.. CheckpointManifest.Problems(_folder, TestContext.Current.CancellationToken)];

    private string PathOf(string name) => Path.Combine(_folder, name);
}
