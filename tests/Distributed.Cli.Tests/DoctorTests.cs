using System.Net;
using System.Net.Sockets;
using Distributed.Cli.Commands;
using Distributed.Cli.Doctor;
using Distributed.Kernel;
using Distributed.Runtime.Devices;
using Distributed.Torch;

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

    [Theory]
    [InlineData("12.4", "2.6.0 with CUDA 12.4")]
    [InlineData(null, "2.6.0 without CUDA")]
    public void WhichLibtorchAndWhyIsSaid(string? cuda, string version)
    {
        Finding finding = EngineChecks.Libtorch(
            new TorchDevices("2.6.0", "/venv/torch/lib/libtorch_cpu.so", cuda, 0), Origin(""));
        Assert.StartsWith(version, finding.Detail, StringComparison.Ordinal);
        Assert.Contains(
            "/venv/torch/lib/libtorch_cpu.so (named by LIBTORCH)", finding.Detail,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("12.4", true, "Ok", "built in", null)]
    [InlineData(null, false, "Ok", "no CUDA", null)]
    [InlineData("12.4", false, "Warn", "not built in", "pip install headers (what was found is in")]
    public void WhetherStepsAreCapturedIsSaidAndHowToHaveThemSo(
        string? cuda, bool hasCapture, string health, string detail, string? mend)
    {
        Finding finding = EngineChecks.Capture(
            new TorchDevices("2.6.0", "file", cuda, 0) { HasCapture = hasCapture },
            Origin("pip install headers"));
        Assert.Equal(health, finding.Health.ToString());
        Assert.Contains(detail, finding.Detail, StringComparison.Ordinal);
        Assert.Equal(mend is null, finding.Mend is null);
        Assert.Contains(mend ?? "", finding.Mend ?? "", StringComparison.Ordinal);
    }

    private static EngineOrigin Origin(string captureAdvice) => new(
        "libtorch 2.6.0", "named by LIBTORCH", "/cache/key/libdistributed_torch.so",
        captureAdvice);

    [Theory]
    [InlineData(null, 0, 0, "Ok", "none (absent)", null)]
    [InlineData(null, 0, 1, "Warn", "without CUDA and leaves GPU 0 unused", "LIBTORCH")]
    [InlineData("13.0", 0, 1, "Warn", "for CUDA 13.0 can use none of GPU 0", "update the driver")]
    [InlineData("12.4", 2, 2, "Ok", "2 to use: GPU 0; GPU 1", null)]
    public void GpusThatAreThereAndCannotBeUsedAreAWarning(
        string? cuda, int usable, int present, string health, string detail, string? mend)
    {
        Finding finding = EngineChecks.Gpus(
            new TorchDevices("2.6.0", "file", cuda, usable),
            new HostDevices(
                [.. Enumerable.Range(0, present).Select(index => $"GPU {index}")], "absent"));
        Assert.Equal(health, finding.Health.ToString());
        Assert.Contains(detail, finding.Detail, StringComparison.Ordinal);
        if (mend is null)
            Assert.Null(finding.Mend);
        else
            Assert.Contains(mend, finding.Mend, StringComparison.Ordinal);
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
