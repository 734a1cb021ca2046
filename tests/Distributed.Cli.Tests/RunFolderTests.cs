using Distributed.Kernel;
using Distributed.Training.Specification;

namespace Distributed.Cli.Tests;

/// <summary>
/// Runs are found by path, and a new run never gets a folder that holds anything.
/// </summary>
public sealed class RunFolderTests : IDisposable
{
    private readonly string folder =
        Directory.CreateTempSubdirectory("distributed-runs-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void RunIsFoundByItsSpec()
    {
        OperatingException empty =
            Assert.Throws<OperatingException>(() => RunFolders.Find(folder));
        Assert.Contains("has no run.yaml", empty.Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder, RunRecord.FileName), "");
        Assert.Equal(folder, RunFolders.Find(folder));
        OperatingException absent =
            Assert.Throws<OperatingException>(() => RunFolders.Find(folder + "-absent"));
        Assert.Contains("no run", absent.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NewRunIsRefusedWhereAnythingIs()
    {
        RunFolders.RefuseExisting(folder);
        RunFolders.RefuseExisting(Path.Combine(folder, "new"));
        string file = Path.Combine(folder, "notes.txt");
        File.WriteAllText(file, "");
        Assert.Contains(
            "is not empty",
            Assert.Throws<OperatingException>(() => RunFolders.RefuseExisting(folder)).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "is a file",
            Assert.Throws<OperatingException>(() => RunFolders.RefuseExisting(file)).Message,
            StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder, RunRecord.FileName), "");
        Assert.Contains(
            "--resume",
            Assert.Throws<OperatingException>(() => RunFolders.RefuseExisting(folder)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void PathsBelowTheWorkingFolderAreShownShort()
    {
        Assert.Equal("runs/a", RunFolders.Short(Path.GetFullPath("runs/a")));
        Assert.Equal("runs/a", RunFolders.Short("runs/a"));
        Assert.Equal(folder, RunFolders.Short(folder));
    }

    [Fact]
    public void NewFolderIsUnderRunsAndCarriesTheName()
    {
        string fresh = RunFolders.NewFolder("course-cnn");
        Assert.StartsWith("runs/", fresh, StringComparison.Ordinal);
        Assert.EndsWith("-course-cnn", fresh, StringComparison.Ordinal);
        Assert.False(Path.Exists(fresh));
    }
}
