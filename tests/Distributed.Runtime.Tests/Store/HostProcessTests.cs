using System.Diagnostics;
using System.Globalization;
using Distributed.Runtime.Store;

namespace Distributed.Runtime.Tests.Store;

/// <summary>Against real processes.</summary>
public sealed class HostProcessTests
{
    private const double TicksPerSecond = 100;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void A_process_that_runs_is_not_gone()
    {
        long? start = HostProcess.StartTicks(Environment.ProcessId);
        Assert.NotNull(start);
        Assert.False(HostProcess.IsGone(Environment.ProcessId, start));
        Assert.False(HostProcess.IsGone(Environment.ProcessId, null));
    }

    [Fact]
    public void A_later_process_of_the_same_number_is_another_one() => Assert.True(
        HostProcess.IsGone(
            Environment.ProcessId, HostProcess.StartTicks(Environment.ProcessId) - 1));

    [Fact]
    public void A_process_that_was_killed_is_gone()
    {
        using Process child = Process.Start("sleep", "600");
        long? start = HostProcess.StartTicks(child.Id);
        Assert.False(HostProcess.IsGone(child.Id, start));
        child.Kill();
        child.WaitForExit();
        Assert.True(HostProcess.IsGone(child.Id, start));
        Assert.Null(HostProcess.StartTicks(child.Id));
    }

    /// <summary>Its parent has become a program that never asks for its children.</summary>
    [Fact]
    public void A_process_that_was_killed_is_gone_before_its_parent_asks_for_it()
    {
        var script = new ProcessStartInfo("bash", ["-c", "sleep 600 & echo $!; exec sleep 600"])
        {
            RedirectStandardOutput = true,
        };
        using Process parent = Process.Start(script)!;
        try
        {
            string line = parent.StandardOutput.ReadLine()!;
            int childId = int.Parse(line, CultureInfo.InvariantCulture);
            long? start = HostProcess.StartTicks(childId);
            Assert.False(HostProcess.IsGone(childId, start));
            // Until then the parent is a shell, which would ask.
            string parentName = $"/proc/{parent.Id}/comm";
            Assert.True(SpinWait.SpinUntil(
                () => File.ReadAllText(parentName) == "sleep\n", Patience));
            Process.GetProcessById(childId).Kill();
            Assert.True(SpinWait.SpinUntil(() => HostProcess.IsGone(childId, start), Patience));
            Assert.True(Directory.Exists($"/proc/{childId}"));
        }
        finally
        {
            parent.Kill();
            parent.WaitForExit();
        }
    }

    /// <summary>The kernel puts the name before the fields that count.</summary>
    [Theory]
    [InlineData("plain")]
    [InlineData("a) S 1 (b")]
    [InlineData(") Z 1 1")]
    public void A_program_may_have_any_name(string name)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("distributed-store-");
        string program = Path.Combine(folder.FullName, name);
        File.Copy("/bin/sleep", program);
        using Process child = Process.Start(program, "600");
        try
        {
            long start = HostProcess.StartTicks(child.Id)!.Value;
            string uptime = File.ReadAllText("/proc/uptime").Split(' ')[0];
            double upTicks =
                double.Parse(uptime, CultureInfo.InvariantCulture) * TicksPerSecond;
            Assert.InRange(
                start, HostProcess.StartTicks(Environment.ProcessId)!.Value, upTicks + 1);
            Assert.False(HostProcess.IsGone(child.Id, start));
        }
        finally
        {
            child.Kill();
            child.WaitForExit();
            folder.Delete(recursive: true);
        }
    }
}
