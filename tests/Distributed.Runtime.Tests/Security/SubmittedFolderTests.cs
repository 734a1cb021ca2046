using Distributed.Runtime.Coordination;

namespace Distributed.Runtime.Tests.Security;

/// <summary>
/// Goal: who reaches the coordinator's port cannot have it write where no run is.
/// </summary>
public sealed class SubmittedFolderTests
{
    [Fact]
    public void AFolderThatIsARunsMayBeWritten() =>
        Assert.Null(Problem("/shared/runs/a", exists: true));

    [Theory]
    [InlineData("/etc", false, "finds no run.yaml in /etc")]
    [InlineData("/shared/runs/new", false, "expected a run's folder")]
    [InlineData("", true, "expected a full path")]
    [InlineData("runs/a", true, "expected a full path")]
    [InlineData("/shared/runs/../../etc", true, "without . and ..")]
    [InlineData("/shared/./runs", true, "without . and ..")]
    [InlineData("/shared/runs/a\u001b[2J", true, "plain characters")]
    [InlineData("/shared/runs/a\nb", true, "plain characters")]
    public void AnyOtherIsRefused(string folder, bool exists, string why)
    {
        var problem = Problem(folder, exists);
        Assert.Contains(why, problem, StringComparison.Ordinal);
    }

    private static string? Problem(string folder, bool exists) =>
        SubmittedFolder.Problem(folder, "run.yaml", "run", _ => exists);
}
