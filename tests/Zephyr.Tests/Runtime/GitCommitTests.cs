using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Runtime;

public sealed class GitCommitTests : IDisposable
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567", Other = "fedcba9876543210fedcba9876543210fedcba98";
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_branch_leads_to_its_commit_from_any_folder_below()
    {
        _temp.Write("repo/.git/HEAD", "ref: refs/heads/main\n");
        _temp.Write("repo/runs/x/note", "");
        // Of a branch without a commit, there is none.
        Assert.Null(GitCommit.Of(_temp.PathOf("repo")));
        _temp.Write("repo/.git/packed-refs", $"# pack-refs with: peeled fully-peeled sorted\n{Other} refs/heads/maintenance\n{Commit} refs/heads/main\n^{Other}\n");
        Assert.Equal(Commit, GitCommit.Of(_temp.PathOf("repo/runs/x")));
        _temp.Write("repo/.git/refs/heads/main", Other + "\n");
        Assert.Equal(Other, GitCommit.Of(_temp.PathOf("repo/runs/x")));
    }

    [Fact]
    public void A_commit_may_be_checked_out_by_itself_or_in_a_further_working_tree()
    {
        _temp.Write("repo/.git/HEAD", Commit);
        Assert.Equal(Commit, GitCommit.Of(_temp.PathOf("repo")));
        _temp.Write("repo/.git/worktrees/two/HEAD", "ref: refs/heads/two\n");
        _temp.Write("repo/.git/worktrees/two/commondir", "../..\n");
        _temp.Write("repo/.git/refs/heads/two", Other);
        _temp.Write("two/.git", $"gitdir: {_temp.PathOf("repo/.git/worktrees/two")}\n");
        Assert.Equal(Other, GitCommit.Of(_temp.PathOf("two")));
    }

    [Theory]
    [InlineData("ref: refs/heads/../../../secret")]
    [InlineData("anything else")]
    [InlineData("")]
    public void What_is_no_commit_is_none(string head)
    {
        _temp.Write("repo/.git/HEAD", head);
        _temp.Write("secret", "not a hash");
        Assert.Null(GitCommit.Of(_temp.PathOf("repo")));
    }
}
