using System.Net;
using System.Net.Sockets;
using Distributed.Cli.Commands;
using Distributed.Cli.Doctor;
using Distributed.Kernel;

namespace Distributed.Cli.Tests;

/// <summary>Every check says what it saw, and how to mend what is not well.</summary>
public sealed class DoctorTests
{
    [Fact]
    public void FindingsAreLinesWithTheirRemedyAndAFailureIsTheExitCode()
    {
        Finding[] findings =
        [
            Finding.Ok("dotnet", ".NET 10"),
            new Finding("clock", Health.Warn, "1970", "set the clock"),
        ];
        var terminal = new FakeTerminal();
        Assert.Equal(
            ExitCodes.Done, DoctorCommand.Print(findings, json: false, terminal.Terminal));
        Assert.Equal(
            """
            ok    dotnet               .NET 10
            warn  clock                1970
                                       → set the clock

            """,
            terminal.Output);

        terminal = new FakeTerminal();
        Assert.Equal(
            ExitCodes.OperatingError,
            DoctorCommand.Print(
                [.. findings, new Finding("libtorch", Health.Fail, "absent", "install it")],
                json: true, terminal.Terminal));
        Assert.Equal(
            """
            {"check":"dotnet","status":"ok","detail":".NET 10","mend":null}
            {"check":"clock","status":"warn","detail":"1970","mend":"set the clock"}
            {"check":"libtorch","status":"fail","detail":"absent","mend":"install it"}

            """,
            terminal.Output);
    }

    [Fact]
    public void PortInUseIsAWarningBecauseItMayBeOurs()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        Finding finding = MachineChecks.Port("coordinator", port);
        Assert.Equal(Health.Warn, finding.Health);
        Assert.Contains("in use", finding.Detail, StringComparison.Ordinal);
        Assert.Equal(Health.Ok, MachineChecks.Port("worker", 0).Health);
    }

    [Theory]
    [InlineData(100L << 20, "Fail")]
    [InlineData(1L << 30, "Warn")]
    [InlineData(10L << 30, "Ok")]
    public void LittleDiskSpaceIsSaidBeforeItRunsOut(long freeBytes, string health) =>
        Assert.Equal(
            health, MachineChecks.Space("runs", "runs", freeBytes, "mend").Health.ToString());

    [Fact]
    public void FolderThatDoesNotExistYetIsCheckedWhereItWouldBeMade()
    {
        string parent = Directory.CreateTempSubdirectory("distributed-doctor-").FullName;
        try
        {
            Finding finding = MachineChecks.Folder("runs", Path.Combine(parent, "a", "b"), "mend");
            Assert.NotEqual(Health.Fail, finding.Health);
            Assert.Empty(Directory.EnumerateFileSystemEntries(parent));
        }
        finally
        {
            Directory.Delete(parent, recursive: true);
        }
        // /proc takes no files from anybody, root included.
        Assert.Equal(Health.Fail, MachineChecks.Folder("runs", "/proc/runs", "mend").Health);
    }

    [Fact]
    public void ClockBeforeTheBuildIsSuspect()
    {
        DateTimeOffset built = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        Assert.Equal(Health.Ok, MachineChecks.Clock(built.AddDays(1), built).Health);
        Assert.Equal(Health.Warn, MachineChecks.Clock(built.AddDays(-1), built).Health);
    }

    [Fact]
    public void MissingOpenBlasIsSaidWithItsPackage()
    {
        Assert.Contains(
            "libopenblas0-pthread", EngineChecks.Blas("none").Mend, StringComparison.Ordinal);
        Assert.Equal(Health.Ok, EngineChecks.Blas("SkylakeX").Health);
    }
}
