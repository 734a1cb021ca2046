using Distributed.Cluster.Jobs;
using Distributed.Runtime.Recording;
using Distributed.Telemetry;

namespace Distributed.Runtime.Tests.Recording;

/// <summary>A run that is resumed from a checkpoint records the steps after that anew.</summary>
public sealed class ResumedRunTests : IDisposable
{
    private readonly RunFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Resumed_at_any_step_however_often()
    {
        Run(startStep: 0);
        for (long startStep = RecordedRun.StepsTotal; startStep >= 0; startStep--)
        {
            for (int time = 0; time < 2; time++)
            {
                Resume(startStep);
                Run(startStep);
                HasWholeRecord();
            }
        }
    }

    /// <summary>
    /// Only once are the steps after the checkpoint taken back: those that the resumed run has
    /// recorded since then stay.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(6)]
    public void Killed_at_every_byte_of_the_resumed_run(long startStep)
    {
        Run(startStep: 0);
        Resume(startStep);
        Run(startStep);
        string resumed = folder.EventPaths[1];
        byte[] events = File.ReadAllBytes(resumed);
        byte[] metrics = File.ReadAllBytes(folder.MetricsPath);
        for (int length = 0; length <= events.Length; length += length < 300 ? 1 : 11)
        {
            File.WriteAllBytes(folder.MetricsPath, metrics);
            // Metrics are written first, so events that are there tell that the lines are.
            if (length < 150)
                Resume(startStep);
            foreach (string later in folder.EventPaths.Skip(1))
                File.Delete(later);
            File.WriteAllBytes(resumed, events[..length]);
            Run(startStep);
            HasWholeRecord();
            if (length > 150)
                Assert.Null(folder.EventFiles[^1].StartStep);
        }
    }

    [Fact]
    public void What_the_first_run_could_not_record_any_more_is_recorded()
    {
        Run(startStep: 0);
        // The checkpoint of step 4 was durable, the end of the epoch there not yet on record.
        Resume(4);
        string[] lines = File.ReadAllLines(folder.MetricsPath);
        Assert.Contains("\"kind\":\"epoch\"", lines[^1], StringComparison.Ordinal);
        File.WriteAllLines(folder.MetricsPath, lines[..^1]);
        Run(startStep: 4);
        HasWholeRecord();
    }

    [Fact]
    public void A_longer_run_gets_a_summary_of_its_own()
    {
        for (int life = 0; life < 2; life++)
        {
            using RunFiles files = Open(0);
            files.Done(RecordedRun.Summary with { Steps = 4 });
            files.Close();
        }

        Run(startStep: 4);
        Assert.Equal([4, RecordedRun.StepsTotal], folder.Numbers("done", "step"));
    }

    private void Resume(long startStep) => MetricsFile.Truncate(folder.MetricsPath, startStep);

    private RunFiles Open(long startStep) =>
        RunFiles.Open(RecordedRun.Describe(folder.Path, startStep), TimeProvider.System);

    private void Run(long startStep)
    {
        using RunFiles files = Open(startStep);
        RecordedRun.RecordRest(files, files.Begun);
        files.Close();
    }

    private void HasWholeRecord()
    {
        Assert.Equal(
            Enumerable.Range(1, RecordedRun.StepsTotal).Select(step => (long)step),
            folder.Numbers("step", "step"));
        Assert.Equal([1, 2, 3], folder.Numbers("epoch", "epoch"));
        Assert.Equal([RecordedRun.StepsTotal], folder.Numbers("done", "step"));
        folder.ShowsItsMetrics();
    }
}
