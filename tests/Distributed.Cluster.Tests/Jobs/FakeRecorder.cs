using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>
/// Keeps what run folders would hold, each by itself; what it shows is of the first job's. What was
/// not committed is gone when a coordinator crashes.
/// </summary>
internal sealed class FakeRecorder
{
    private const string Folder = "/runs/job";

    private readonly List<Recording> open = [];
    private readonly SortedDictionary<string, FakeRecorder> others =
        new(StringComparer.Ordinal);

    public List<long> Steps { get; } = [];

    public List<EpochCompleted> Epochs { get; } = [];

    public List<(ulong Incarnation, long Sequence)> Times { get; } = [];

    public string? FailureOnBegin { get; set; }

    public int Endings { get; private set; }

    /// <summary>Takes nothing back and does not answer, as a disk that hangs.</summary>
    public bool HangsOnReturn { get; set; }

    /// <summary>The steps to which the record was cut back.</summary>
    public List<long> Returns { get; } = [];

    public IRunRecorder Open()
    {
        var recording = new Recording(this);
        open.Add(recording);
        return recording;
    }

    public void CrashAll()
    {
        foreach (Recording recording in open)
            recording.Crash();
        open.Clear();
    }

    private FakeRecorder Of(string folder)
    {
        if (folder == Folder)
            return this;
        if (!others.TryGetValue(folder, out FakeRecorder? other))
            others.Add(folder, other = new FakeRecorder());
        return other;
    }

    private sealed class Recording(FakeRecorder log) : IRunRecorder
    {
        private readonly List<Action> buffered = [];
        private IActorRef? job;
        private bool isOver;

        public void Begin(JobDescription description, IActorRef answerTo)
        {
            job = answerTo;
            log = log.Of(description.RunFolder);
            if (log.FailureOnBegin is not null)
            {
                job.Tell(new RecordingFailed(log.FailureOnBegin));
                return;
            }

            TellBegun();
        }

        public void Numerics(string numerics)
        {
        }

        public void Steps(IReadOnlyList<StepRecord> steps) => buffered.Add(
            () => log.Steps.AddRange(steps.Select(step => step.Step)));

        public void Times(ReportOrigin origin, StepsCommitted report) => buffered.Add(
            () => log.Times.Add((origin.Incarnation, origin.Sequence)));

        public void Epoch(EpochCompleted epoch) => buffered.Add(() => log.Epochs.Add(epoch));

        public void Attach(RunAttachment attachment)
        {
        }

        public void Commit(long mark)
        {
            Write();
            job!.Tell(new RecordingDurable(mark));
        }

        public void ReturnTo(long step, int returns)
        {
            if (log.HangsOnReturn)
                return;
            Write();
            log.Returns.Add(step);
            log.Steps.RemoveAll(later => later > step);
            log.Epochs.RemoveAll(epoch => epoch.Step > step);
            TellBegun();
        }

        public void End(RunCompleted? summary)
        {
            Write();
            log.Endings++;
            job!.Tell(new RecordingEnded());
        }

        public void Abandon() => isOver = true;

        public void Crash() => isOver = true;

        private void TellBegun() => job!.Tell(new RecordingBegun(
            log.Steps.LastOrDefault(), [.. log.Epochs],
            log.Times.GroupBy(time => time.Incarnation).ToDictionary(
                group => group.Key, group => group.Max(time => time.Sequence))));

        private void Write()
        {
            if (isOver)
                return;
            foreach (Action write in buffered)
                write();
            buffered.Clear();
        }
    }
}
