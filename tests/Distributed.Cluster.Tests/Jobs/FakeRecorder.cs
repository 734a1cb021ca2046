using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>
/// Keeps what a run folder would hold. What was not committed is gone when a coordinator crashes.
/// </summary>
internal sealed class FakeRecorder
{
    private readonly List<Recording> open = [];

    public List<long> Steps { get; } = [];

    public List<EpochCompleted> Epochs { get; } = [];

    public List<(ulong Incarnation, long Sequence)> Times { get; } = [];

    public string? FailureOnBegin { get; set; }

    public int Endings { get; private set; }

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

    private sealed class Recording(FakeRecorder log) : IRunRecorder
    {
        private readonly List<Action> buffered = [];
        private IActorRef? job;
        private bool isOver;

        public void Begin(JobDescription description, IActorRef answerTo)
        {
            job = answerTo;
            if (log.FailureOnBegin is not null)
            {
                job.Tell(new RecordingFailed(log.FailureOnBegin));
                return;
            }

            job.Tell(new RecordingBegun(
                log.Steps.LastOrDefault(), [.. log.Epochs],
                log.Times.GroupBy(time => time.Incarnation).ToDictionary(
                    group => group.Key, group => group.Max(time => time.Sequence))));
        }

        public void Numerics(string numerics)
        {
        }

        public void Steps(IReadOnlyList<StepRecord> steps) => buffered.Add(
            () => log.Steps.AddRange(steps.Select(step => step.Step)));

        public void Times(ReportOrigin origin, IReadOnlyList<StepRecord> steps) => buffered.Add(
            () => log.Times.Add((origin.Incarnation, origin.Sequence)));

        public void Epoch(EpochCompleted epoch) => buffered.Add(() => log.Epochs.Add(epoch));

        public void Commit(long mark)
        {
            Write();
            job!.Tell(new RecordingDurable(mark));
        }

        public void End(RunCompleted? summary)
        {
            Write();
            log.Endings++;
            job!.Tell(new RecordingEnded());
        }

        public void Abandon() => isOver = true;

        public void Crash() => isOver = true;

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
