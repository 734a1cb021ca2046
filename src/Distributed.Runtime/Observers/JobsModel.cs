using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Observers;

namespace Distributed.Runtime.Observers;

/// <summary>The jobs' part of the read model.</summary>
internal sealed class JobsModel
{
    /// <summary>So many that have ended are kept.</summary>
    private const int EndedMax = 200;

    private readonly Dictionary<ulong, Entry> _jobs = [];
    private readonly Queue<ulong> _ended = [];

    public IReadOnlyList<JobView> Since(long version) =>
    [
        .. _jobs.Values.Select(entry => entry.View).Where(job => job.Version > version)
            .OrderBy(job => job.StartedUtc).ThenBy(job => job.Job),
    ];

    public string NameOf(ulong job) =>
        _jobs.TryGetValue(job, out Entry? entry) ? entry.View.Description.Name : $"{job:x16}";

    public int ShardsOf(ulong job) =>
        _jobs.TryGetValue(job, out Entry? entry) ? entry.View.Description.LogicalShards : 0;

    public JobCurves? Curves(ulong job) =>
        _jobs.TryGetValue(job, out Entry? entry)
            ? new JobCurves(entry.Steps.Points, [.. entry.Epochs])
            : null;

    public IReadOnlyList<StepTiming> Timeline(ulong job, long afterStep) =>
        _jobs.TryGetValue(job, out Entry? entry) ? entry.Timings.After(afterStep) : [];

    public void Clear()
    {
        _jobs.Clear();
        _ended.Clear();
    }

    public void Apply(JobObserved observed, long version, DateTimeOffset now)
    {
        if (_jobs.TryGetValue(observed.Job, out Entry? known))
        {
            known.View = known.View with
            {
                Version = version,
                Description = observed.Description,
                Sweep = observed.Sweep,
            };
            return;
        }

        _jobs.Add(
            observed.Job,
            new Entry(new JobView(
                version, observed.Job, observed.Description, observed.Sweep, "opening", 0, [], "",
                observed.Description.StartStep, 0, double.NaN, 0, null, 0, null, now, null)));
    }

    public void Apply(JobStatusObserved observed, long version)
    {
        JobStatus status = observed.Status;
        Change(
            status.Job, version,
            entry => entry.View with
            {
                State = status.State,
                ImagesPerSecond = StandsStill(status.State) ? 0 : entry.View.ImagesPerSecond,
                Step = Math.Max(entry.View.Step, status.Step),
            });
    }

    public void Apply(GenerationObserved observed, long version)
    {
        Generation generation = observed.Generation;
        Change(
            generation.Job, version,
            entry =>
            {
                entry.Timings.Begin(generation.Ranks.Count);
                return entry.View with
                {
                    Generation = generation.Number,
                    Workers = [.. generation.Ranks.Select(rank => rank.Worker.Name)],
                    Reason = observed.Reason,
                };
            });
    }

    /// <param name="worker">Its name.</param>
    public void Apply(StepsObserved observed, string worker)
    {
        if (_jobs.TryGetValue(observed.Job, out Entry? entry) && observed.Rank >= 0
            && observed.Generation == entry.View.Generation)
            entry.Timings.Add(observed, worker);
    }

    public void Apply(JobHappened happened, long version, DateTimeOffset now)
    {
        Change(happened.Job, version, entry => After(entry, happened.Event, now));
        if (happened.Event is not (RunCompleted or RunInterrupted or RunFailed))
            return;
        _ended.Enqueue(happened.Job);
        if (_ended.Count > EndedMax)
            _jobs.Remove(_ended.Dequeue());
    }

    private static JobView After(Entry entry, RunEvent happened, DateTimeOffset now)
    {
        JobView view = entry.View;
        switch (happened)
        {
            case StepCommitted step:
                entry.Steps.Add(new CurvePoint(step.Step, step.Loss, step.ImagesPerSecond));
                return view with
                {
                    Step = step.Step,
                    Epoch = step.Epoch,
                    Loss = step.Loss,
                    ImagesPerSecond = step.ImagesPerSecond,
                };
            case EpochCompleted epoch:
                entry.Epochs.RemoveAll(other => other.Epoch >= epoch.Epoch);
                entry.Epochs.Add(epoch);
                return view with { LastEpoch = epoch };
            case CheckpointSaved saved:
                return view with { CheckpointStep = saved.Step };
            case RunReturned returned:
                entry.Steps.CutAfter(returned.Step);
                entry.Epochs.RemoveAll(epoch => epoch.Epoch > returned.EpochsKept);
                return view with
                {
                    Step = returned.Step,
                    LastEpoch = entry.Epochs.Count > 0 ? entry.Epochs[^1] : null,
                };
            case RunCompleted or RunInterrupted or RunFailed:
                entry.Timings.Begin(rankCount: 0);
                return view with
                {
                    Outcome = happened,
                    EndedUtc = now,
                    ImagesPerSecond = 0,
                    State = happened switch
                    {
                        RunCompleted => "completed",
                        RunInterrupted => "stopped",
                        _ => "failed",
                    },
                };
            default:
                return view;
        }
    }

    private static bool StandsStill(string state) =>
        state.StartsWith("paused", StringComparison.Ordinal)
        || state.StartsWith("waiting", StringComparison.Ordinal);

    private void Change(ulong job, long version, Func<Entry, JobView> change)
    {
        if (_jobs.TryGetValue(job, out Entry? entry))
            entry.View = change(entry) with { Version = version };
    }

    private sealed class Entry(JobView view)
    {
        public JobView View { get; set; } = view;

        public ThinnedCurve Steps { get; } = new();

        public List<EpochCompleted> Epochs { get; } = [];

        public RankTimings Timings { get; } = new();
    }
}
