using System.Collections.Concurrent;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Recording;

namespace Distributed.Runtime.Tests.Recording;

public sealed class RunRecorderTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly RunFolder folder = new();
    private readonly Probe job = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Commits_are_answered_in_order_with_their_lines_in_the_file()
    {
        RunRecorder recorder = Begin();
        for (long mark = 1; mark <= 20; mark++)
        {
            recorder.Steps([RecordedRun.Step(mark)]);
            recorder.Commit(mark);
            Assert.Equal(new RecordingDurable(mark), job.Next());
            Assert.Equal(mark, folder.Numbers("step", "step").Last());
        }

        recorder.End(RecordedRun.Summary);
        Assert.IsType<RecordingEnded>(job.Next());
        Assert.Single(folder.LinesOf("done"));
        // A job's timers may go on for a moment.
        recorder.Commit(21);
        recorder.Abandon();
        await recorder.Completion;
        Assert.Empty(job.Rest());
    }

    [Fact]
    public async Task A_run_that_did_not_complete_has_no_summary()
    {
        RunRecorder recorder = Begin();
        recorder.Steps([RecordedRun.Step(1)]);
        recorder.End(null);
        Assert.IsType<RecordingEnded>(job.Next());
        await recorder.Completion;
        Assert.Equal("step", Assert.Single(folder.Lines).GetProperty("kind").GetString());
    }

    /// <summary>
    /// A coordinator that was only paused wakes up when its successor is at work. What it writes is
    /// nowhere to be seen, and it does not take that for recorded.
    /// </summary>
    [Fact]
    public async Task A_stale_recorder_writes_where_nobody_looks()
    {
        RunRecorder stale = Begin();
        stale.Steps([RecordedRun.Step(1), RecordedRun.Step(2)]);
        stale.Commit(1);
        Assert.IsType<RecordingDurable>(job.Next());
        var successorJob = new Probe();
        var successor = new RunRecorder(TimeProvider.System);
        successor.Begin(RecordedRun.Describe(folder.Path), successorJob);
        Assert.Equal(2, Assert.IsType<RecordingBegun>(successorJob.Next()).LastStep);
        stale.Steps([RecordedRun.Step(3)]);
        stale.Times(new ReportOrigin(1, 1, 0), RecordedRun.Of([RecordedRun.Step(3)]));
        stale.Epoch(RecordedRun.Epoch(1, 3));
        stale.Commit(2);
        Assert.Contains(
            "another coordinator", Assert.IsType<RecordingFailed>(job.Next()).Message,
            StringComparison.Ordinal);
        await stale.Completion;
        successor.Numerics("");
        successor.Steps([RecordedRun.Step(3), RecordedRun.Step(4)]);
        successor.End(RecordedRun.Summary);
        Assert.IsType<RecordingEnded>(successorJob.Next());
        Assert.Equal([1, 2, 3, 4], folder.Numbers("step", "step"));
        Assert.Empty(folder.LinesOf("times"));
        Assert.Empty(folder.LinesOf("epoch"));
        folder.ShowsItsMetrics();
        folder.HoldsEachPointOnce();
    }

    /// <summary>
    /// All after the step is gone, in the metrics, in TensorBoard and among the checkpoints, and is
    /// recorded once more; the same again, also by a successor, changes nothing.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task A_run_that_returns_records_the_steps_after_its_checkpoint_anew(long step)
    {
        string checkpoints = Path.Combine(folder.Path, "checkpoints");
        foreach (int saved in new[] { 4, 8 })
            Directory.CreateDirectory(Path.Combine(checkpoints, $"step-{saved:D8}"));
        RunRecorder recorder = Begin();
        recorder.Numerics("");
        for (long number = 1; number <= 9; number++)
            recorder.Steps([RecordedRun.Step(number)]);
        recorder.Times(new ReportOrigin(7, 3, 0), RecordedRun.Of([RecordedRun.Step(9)]));
        recorder.Epoch(RecordedRun.Epoch(1, 4));
        recorder.Epoch(RecordedRun.Epoch(2, 8));
        recorder.ReturnTo(step, returns: 1);
        RecordingBegun begun = Assert.IsType<RecordingBegun>(job.Next());
        Assert.Equal(step, begun.LastStep);
        Assert.Equal(step >= 4 ? 1 : 0, begun.Epochs.Count);
        Assert.Empty(begun.LastSequences);
        Assert.Equal(
            step >= 4 ? ["step-00000004"] : [],
            Directory.GetDirectories(checkpoints).Select(Path.GetFileName));
        recorder.Abandon();
        await recorder.Completion;

        RunRecorder successor = Begin();
        successor.ReturnTo(step, returns: 1);
        Assert.Equal(step, Assert.IsType<RecordingBegun>(job.Next()).LastStep);
        successor.Numerics("");
        for (long number = step + 1; number <= 10; number++)
            successor.Steps([RecordedRun.Step(number)]);
        successor.Times(new ReportOrigin(7, 4, 0), RecordedRun.Of([RecordedRun.Step(9)]));
        foreach (int epoch in new[] { 1, 2 }.Skip(begun.Epochs.Count))
            successor.Epoch(RecordedRun.Epoch(epoch, 4 * epoch));
        successor.End(null);
        Assert.IsType<RecordingEnded>(job.Next());
        Assert.Equal(
            Enumerable.Range(1, 10).Select(number => (long)number),
            folder.Numbers("step", "step"));
        Assert.Equal([1, 2], folder.Numbers("epoch", "epoch"));
        folder.ShowsItsMetrics();
    }

    [Fact]
    public async Task A_failure_is_told_once()
    {
        var recorder = new RunRecorder(TimeProvider.System);
        string missing = Path.Combine(folder.Path, "missing");
        recorder.Begin(RecordedRun.Describe(missing), job);
        recorder.Steps([RecordedRun.Step(1)]);
        recorder.Commit(1);
        recorder.End(null);
        Assert.Contains(
            missing, Assert.IsType<RecordingFailed>(job.Next()).Message, StringComparison.Ordinal);
        await recorder.Completion;
        recorder.Abandon();
        Assert.Empty(job.Rest());
    }

    [Fact]
    public async Task Nothing_is_written_or_said_after_it_is_abandoned()
    {
        RunRecorder recorder = Begin();
        recorder.Steps([RecordedRun.Step(1)]);
        recorder.Commit(1);
        Assert.IsType<RecordingDurable>(job.Next());
        recorder.Abandon();
        recorder.Steps([RecordedRun.Step(2)]);
        recorder.Commit(2);
        recorder.End(RecordedRun.Summary);
        await recorder.Completion;
        Assert.Equal([1], folder.Numbers("step", "step"));
        Assert.Single(folder.Lines);
        Assert.Empty(job.Rest());
    }

    [Fact]
    public async Task When_the_disk_hangs_the_recording_fails_before_memory_does()
    {
        job.Hang();
        var recorder = new RunRecorder(TimeProvider.System);
        recorder.Begin(RecordedRun.Describe(folder.Path), job);
        Assert.IsType<RecordingBegun>(job.Next());
        StepRecord[] steps = [RecordedRun.Step(1)];
        for (int call = 0; call < RunRecorder.WaitingCallsMax; call++)
            recorder.Steps(steps);
        Assert.Empty(job.Rest());
        recorder.Steps(steps);
        recorder.Steps(steps);
        Assert.Contains(
            folder.Path, Assert.IsType<RecordingFailed>(Assert.Single(job.Rest())).Message,
            StringComparison.Ordinal);
        job.GoOn();
        await recorder.Completion;
        Assert.Equal(0, new FileInfo(folder.MetricsPath).Length);
        Assert.Empty(job.Rest());
    }

    [Fact]
    public async Task Attachments_are_dropped_before_figures_have_to_wait_for_them()
    {
        job.Hang();
        var recorder = new RunRecorder(TimeProvider.System);
        recorder.Begin(RecordedRun.Describe(folder.Path), job);
        Assert.IsType<RecordingBegun>(job.Next());
        byte[] half = new byte[(RunRecorder.AttachmentBytesMax / 2) + 1];
        for (int call = 0; call < 2; call++)
            recorder.Attach(new RunAttachment(1, AttachmentKind.Summary, "", half));
        Assert.Equal(1, recorder.AttachmentsDropped);
        for (int call = 0; call < RunRecorder.CallsBeforeAttachmentsMax; call++)
            recorder.Steps([RecordedRun.Step(call + 1)]);
        recorder.Attach(new RunAttachment(1, AttachmentKind.Summary, "", new byte[1]));
        Assert.Equal(2, recorder.AttachmentsDropped);
        job.GoOn();
        recorder.End(RecordedRun.Summary);
        await recorder.Completion;
        Assert.IsType<RecordingEnded>(Assert.Single(job.Rest()));
        Assert.Equal(
            RunRecorder.CallsBeforeAttachmentsMax, folder.LinesOf("step").Count());
        Assert.Contains(
            folder.EventFiles.SelectMany(file => file.Texts),
            text => text.Tag == "attachments"
                && text.Text.StartsWith("2 were dropped", StringComparison.Ordinal));
    }

    private RunRecorder Begin()
    {
        var recorder = new RunRecorder(TimeProvider.System);
        recorder.Begin(RecordedRun.Describe(folder.Path), job);
        Assert.IsType<RecordingBegun>(job.Next());
        return recorder;
    }

    /// <summary>
    /// What a job is told. It can hold up the teller at the first message, as a disk that hangs
    /// would.
    /// </summary>
    private sealed class Probe : IActorRef
    {
        private readonly BlockingCollection<object> _told = [];
        private readonly ManualResetEventSlim _goesOn = new(true);

        public string Path => "/user/job";

        public void Tell(object message, IActorRef? sender = null)
        {
            _told.Add(message);
            if (message is RecordingBegun)
                _goesOn.Wait();
        }

        public void Hang() => _goesOn.Reset();

        public void GoOn() => _goesOn.Set();

        public object Next() => _told.TryTake(out object? next, Deadline)
            ? next
            : throw new TimeoutException("the recorder does not answer");

        public IReadOnlyList<object> Rest()
        {
            var rest = new List<object>();
            while (_told.TryTake(out object? next))
                rest.Add(next);
            return rest;
        }
    }
}
