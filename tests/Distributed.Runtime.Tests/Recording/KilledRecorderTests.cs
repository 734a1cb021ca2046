using Distributed.Cluster.Jobs;
using Distributed.Runtime.Recording;

namespace Distributed.Runtime.Tests.Recording;

/// <summary>
/// A coordinator is killed, or its machine, at any byte it writes: its successor brings the run
/// folder to where it would be had nothing happened.
/// </summary>
public sealed class KilledRecorderTests : IDisposable
{
    private readonly RunFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Without_any_kill_all_is_on_record()
    {
        RunToTheEnd();
        HasWholeRecord();
        Assert.Equal(1, Assert.Single(folder.EventFiles).StartStep);
    }

    /// <summary>
    /// Each byte of the last records of metrics.jsonl, each with several bytes of the event file;
    /// what events hold beyond the metrics only a machine's death can leave.
    /// </summary>
    [Fact]
    public void Killed_at_every_byte_of_the_metrics()
    {
        RunToTheEnd();
        (byte[] metrics, byte[] events) = Bytes();
        for (int length = metrics.Length; length > metrics.Length - 700; length--)
        {
            foreach (int cut in new[] { 0, length % 500, length * 7 % events.Length })
                Survives(metrics[..length], events[..^cut]);
        }
    }

    [Fact]
    public void Killed_at_every_byte_of_the_event_file()
    {
        RunToTheEnd();
        (byte[] metrics, byte[] events) = Bytes();
        int last = events.Length - 500;
        for (int length = events.Length; length >= 0; length -= length > last ? 1 : 9)
            Survives(metrics, events[..length]);
    }

    /// <summary>
    /// Also while it emits what its predecessor had not: wherever the second event file is cut.
    /// </summary>
    [Fact]
    public void Killed_again_at_every_byte_while_it_mends()
    {
        RunToTheEnd();
        (byte[] metrics, byte[] events) = Bytes();
        Put(metrics, events[..^450]);
        RunFiles.Open(RecordedRun.Describe(folder.Path), TimeProvider.System).Dispose();
        string second = folder.EventPaths[1];
        byte[] mended = File.ReadAllBytes(second);
        Assert.InRange(mended.Length, 400, 600);
        for (int length = 0; length <= mended.Length; length++)
        {
            foreach (string later in folder.EventPaths.Skip(1))
                File.Delete(later);
            File.WriteAllBytes(second, mended[..length]);
            RunToTheEnd();
            HasWholeRecord();
        }
    }

    private void Survives(byte[] metrics, byte[] events)
    {
        Put(metrics, events);
        RunToTheEnd();
        HasWholeRecord();
    }

    private void Put(byte[] metrics, byte[] events)
    {
        string first = folder.EventPaths[0];
        folder.Clear();
        File.WriteAllBytes(folder.MetricsPath, metrics);
        File.WriteAllBytes(first, events);
    }

    private (byte[] Metrics, byte[] Events) Bytes() =>
        (File.ReadAllBytes(folder.MetricsPath), File.ReadAllBytes(folder.EventPaths[0]));

    private void RunToTheEnd()
    {
        using RunFiles files =
            RunFiles.Open(RecordedRun.Describe(folder.Path), TimeProvider.System);
        RecordedRun.RecordRest(files, files.Begun);
        files.Close();
    }

    private void HasWholeRecord()
    {
        Assert.Equal(
            Enumerable.Range(1, RecordedRun.StepsTotal).Select(step => (long)step),
            folder.Numbers("step", "step"));
        Assert.Equal([1, 2, 3], folder.Numbers("epoch", "epoch"));
        Assert.Equal(
            RecordedRun.Reports.OfType<StepReport>().Select(
                report => ($"{report.Origin.Incarnation:x16}", report.Origin.Sequence)),
            folder.TimesOrigins());
        Assert.Equal([RecordedRun.StepsTotal], folder.Numbers("done", "step"));
        folder.ShowsItsMetrics();
        folder.HoldsEachPointOnce();
    }
}
