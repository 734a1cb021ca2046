using System.Diagnostics;

namespace Distributed.Cli.Tests;

/// <summary>
/// What `./distributed` installs, builds and runs, and what it says when it cannot. Standard output
/// must always belong to the command alone.
/// </summary>
public sealed class ScriptTests
{
    [Fact]
    public void FirstUseInstallsAndBuildsAndLaterUsesOnlyRun()
    {
        using var sandbox = new ScriptSandbox();
        ScriptResult first = sandbox.Run("train", "--name", "two words", "");
        Assert.Equal((7, "ran <train> <--name> <two words> <>\n"), (first.ExitCode, first.Output));
        Assert.Contains("installing cmake", first.Error, StringComparison.Ordinal);
        Assert.Contains("building…", first.Error, StringComparison.Ordinal);
        Assert.Contains("there is no libtorch", first.Error, StringComparison.Ordinal);
        Assert.Equal(3, sandbox.Log.Length);
        Assert.EndsWith(
            "install -y --no-install-recommends cmake make g++ npm", sandbox.Log[0],
            StringComparison.Ordinal);
        Assert.EndsWith(
            "install -y --no-install-recommends libtorch-dev libopenblas0-pthread",
            sandbox.Log[2], StringComparison.Ordinal);
        // The second time it builds the engine.
        Assert.Equal(2, sandbox.EnginesAsked);

        ScriptResult second = sandbox.Run("doctor");
        Assert.Equal((7, "ran <doctor>\n", ""), (second.ExitCode, second.Output, second.Error));
        Assert.Equal(3, sandbox.Log.Length);
        Assert.Equal(2, sandbox.EnginesAsked);
    }

    [Fact]
    public void WhereTheProgramFindsALibtorchNoneIsInstalled()
    {
        using var sandbox = new ScriptSandbox();
        sandbox.InstallAll();
        File.WriteAllText(sandbox.PathOf("installed"), "cmake\nmake\ng++\nnpm\n");
        File.WriteAllText(sandbox.PathOf("wheel"), "");
        sandbox.Run("train");
        sandbox.Run("train");
        Assert.DoesNotContain(
            sandbox.Log, line => line.StartsWith("apt-get", StringComparison.Ordinal));
        Assert.Equal(1, sandbox.EnginesAsked);
    }

    [Fact]
    public void TheDistributionsLibtorchGetsItsOpenBlas()
    {
        using var sandbox = new ScriptSandbox();
        File.WriteAllText(sandbox.PathOf("installed"), "cmake\nmake\ng++\nnpm\nlibtorch-dev\n");
        sandbox.Run("train");
        Assert.EndsWith(" libopenblas0-pthread", sandbox.Log[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void PbmComesWithTheSameBuild()
    {
        using var sandbox = new ScriptSandbox();
        sandbox.InstallAll();
        foreach (string _ in new[] { "first", "later" })
        {
            using Process pbm = sandbox.StartScript("pbm", "cluster", "show", "two words");
            ScriptResult result = ScriptSandbox.Finish(pbm);
            Assert.Equal(
                (7, "pbm <cluster> <show> <two words>\n"), (result.ExitCode, result.Output));
        }

        sandbox.Run("doctor");
        Assert.Single(sandbox.Log);
    }

    [Fact]
    public void ChangedAddedAndDeletedSourcesAreBuiltAgain()
    {
        using var sandbox = new ScriptSandbox();
        sandbox.InstallAll();
        string added = sandbox.PathOf("root/src/Distributed.Cli/Added.cs");
        sandbox.Run("a");
        File.WriteAllText(added, "");
        // Older than the build, as a file that was moved here may be.
        File.SetLastWriteTimeUtc(added, DateTime.UnixEpoch);
        sandbox.Run("b");
        File.Delete(added);
        sandbox.Run("c");
        sandbox.Run("d");
        Assert.Equal(3, sandbox.Log.Length);
    }

    [Fact]
    public void TwoFirstUsesAtOnceInstallAndBuildOnce()
    {
        using var sandbox = new ScriptSandbox();
        using Process one = sandbox.Start("one");
        using Process two = sandbox.Start("two");
        Assert.Equal("ran <one>\n", ScriptSandbox.Finish(one).Output);
        Assert.Equal("ran <two>\n", ScriptSandbox.Finish(two).Output);
        Assert.Single(sandbox.Log, line => line.StartsWith("build", StringComparison.Ordinal));
        string[] installed =
        [
            .. sandbox.Log.Where(line => line.StartsWith("apt-get", StringComparison.Ordinal)),
        ];
        Assert.Equal(2, installed.Length);
        Assert.Equal(2, installed.Distinct().Count());
    }

    [Fact]
    public void BrokenBuildShowsItsOutputAndIsTriedAgain()
    {
        using var sandbox = new ScriptSandbox();
        sandbox.InstallAll();
        File.WriteAllText(sandbox.PathOf("broken"), "");
        ScriptResult broken = sandbox.Run("train", "--json");
        Assert.Equal((1, ""), (broken.ExitCode, broken.Output));
        Assert.Contains("error CS1002", broken.Error, StringComparison.Ordinal);
        File.Delete(sandbox.PathOf("broken"));
        Assert.Equal(7, sandbox.Run("train").ExitCode);
    }

    [Fact]
    public void WithoutRootOrSudoItSaysWhatToInstall()
    {
        using var sandbox = new ScriptSandbox(isRoot: false);
        ScriptResult result = sandbox.Run("train");
        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.Contains(
            "sudo apt-get install cmake", result.Error, StringComparison.Ordinal);
        Assert.Empty(sandbox.Log);

        File.WriteAllText(sandbox.PathOf("installed"), "cmake\nmake\ng++\nnpm\n");
        result = sandbox.Run("train");
        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.Contains(
            "sudo apt-get install libtorch-dev", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutDotNetOrWithAnOldOneItSaysHowToGetIt()
    {
        using var sandbox = new ScriptSandbox(hasDotNet: false);
        ScriptResult missing = sandbox.Run("train");
        Assert.Equal((1, ""), (missing.ExitCode, missing.Output));
        Assert.Contains("apt-get install dotnet-sdk-10.0", missing.Error, StringComparison.Ordinal);

        using var old = new ScriptSandbox();
        old.InstallAll();
        File.WriteAllText(old.PathOf("sdks"), "8.0.100 [/usr/share/dotnet/sdk]\n");
        ScriptResult result = old.Run("train");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("found 8.0.100", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void PeersAreInstalledForABenchmarkThatAsksForThemAlone()
    {
        using var sandbox = new ScriptSandbox();
        sandbox.InstallAll();
        sandbox.Run("bench", "actors");
        sandbox.Run("train", "--install-peers");
        Assert.DoesNotContain(
            sandbox.Log, line => line.StartsWith("apt-get", StringComparison.Ordinal));

        ScriptResult result = sandbox.Run("bench", "allreduce", "--install-peers");
        Assert.Equal("ran <bench> <allreduce> <--install-peers>\n", result.Output);
        Assert.EndsWith(
            "install -y --no-install-recommends openmpi-bin libopenmpi-dev libtcmalloc-minimal4",
            sandbox.Log[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void TestSumsAllProjectsInItsLastLine()
    {
        using var sandbox = new ScriptSandbox();
        sandbox.InstallAll();
        AddProject(sandbox, "Distributed.Kernel.Tests", passed: 12, failed: 0);
        AddProject(sandbox, "Distributed.Torch.Tests", passed: 30, failed: 0);
        ScriptResult good = sandbox.Run("test");
        Assert.Equal(0, good.ExitCode);
        Assert.EndsWith("42 passed, 0 failed\n", good.Output, StringComparison.Ordinal);

        AddProject(sandbox, "Distributed.Cli.Tests", passed: 1, failed: 2);
        ScriptResult bad = sandbox.Run("test");
        Assert.Equal(1, bad.ExitCode);
        Assert.EndsWith("43 passed, 2 failed\n", bad.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void TestProjectThatDiesCountsAsAFailure()
    {
        using var sandbox = new ScriptSandbox();
        sandbox.InstallAll();
        AddProject(sandbox, "Distributed.Kernel.Tests", passed: 12, failed: 0);
        Directory.CreateDirectory(sandbox.PathOf("root/tests/Distributed.Torch.Tests"));
        ScriptResult result = sandbox.Run("test");
        Assert.Equal(1, result.ExitCode);
        Assert.EndsWith("12 passed, 1 failed\n", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void TestTakesPartOfAProjectsNameAndRefusesOthers()
    {
        using var sandbox = new ScriptSandbox();
        sandbox.InstallAll();
        AddProject(sandbox, "Distributed.Kernel.Tests", passed: 12, failed: 0);
        AddProject(sandbox, "Distributed.Torch.Tests", passed: 30, failed: 0);
        Assert.EndsWith(
            "12 passed, 0 failed\n", sandbox.Run("test", "kernel").Output,
            StringComparison.Ordinal);

        ScriptResult unknown = sandbox.Run("test", "kernle");
        Assert.Equal((2, ""), (unknown.ExitCode, unknown.Output));
        Assert.Contains("expected one of Kernel Torch", unknown.Error, StringComparison.Ordinal);
    }

    private static void AddProject(ScriptSandbox sandbox, string name, int passed, int failed)
    {
        Directory.CreateDirectory(sandbox.PathOf($"root/tests/{name}"));
        // dotnet test writes all counters on one line.
        string counters = $"<Counters total=\"{passed + failed}\" executed=\"{passed + failed}\""
            + $" passed=\"{passed}\" failed=\"{failed}\" error=\"0\" timeout=\"0\""
            + " aborted=\"0\" inconclusive=\"0\" />";
        File.WriteAllText(
            sandbox.PathOf($"{name}.trx"),
            $"""
            <ResultSummary outcome="Completed">
              {counters}
            </ResultSummary>
            """);
    }
}
