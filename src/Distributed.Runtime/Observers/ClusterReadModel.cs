using System.Threading.Channels;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Membership;
using Distributed.Cluster.Observers;
using Distributed.Kernel;

namespace Distributed.Runtime.Observers;

/// <summary>
/// What a coordinator shows, kept up to date from what its actors publish. Whoever asks never
/// waits for an actor, nor makes one wait: a task takes what was published in its order, and where
/// too much waits, steps, vitals and log lines are dropped. Thread-safe; what is returned never
/// changes. Versions grow over all parts together, so that whoever remembers the highest one seen
/// asks for what has changed since.
/// </summary>
public sealed class ClusterReadModel : IActorRef, IAsyncDisposable
{
    /// <summary>So many happenings are kept.</summary>
    public const int HappeningsMax = 10_000;

    /// <summary>So many lines of log are kept.</summary>
    public const int LogLinesMax = 10_000;

    private const int WaitingMax = 65_536;

    private readonly string _address;
    private readonly TimeProvider _clock;
    private readonly DateTimeOffset _startedUtc;
    private readonly Channel<object> _waiting = Channel.CreateUnbounded<object>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly Lock _gate = new();
    private readonly WorkersModel _workers = new();
    private readonly JobsModel _jobs = new();
    private readonly SweepsModel _sweeps = new();
    private readonly History<HappeningView> _happenings = new(HappeningsMax);
    private readonly History<LogView> _logs = new(LogLinesMax);
    private readonly Task _taking;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _version;
    private long _waitingCount;
    private long _dropped;
    private long _term;
    private string _leaderAddress = "";

    /// <param name="address">The coordinator's own: host:port.</param>
    /// <param name="clock">Tells when things were seen.</param>
    public ClusterReadModel(string address, TimeProvider clock)
    {
        _address = address;
        _clock = clock;
        _startedUtc = clock.GetUtcNow();
        _taking = Task.Run(TakeAsync);
    }

    /// <summary>The types of events to subscribe it to.</summary>
    public static IReadOnlyList<Type> EventTypes { get; } =
        [typeof(MembershipEvent), typeof(ClusterObservation)];

    public string Path => "/read-model";

    /// <summary>Of the last change.</summary>
    public long Version
    {
        get
        {
            lock (_gate)
                return _version;
        }
    }

    /// <summary>How much waits to be taken.</summary>
    public long Waiting => Interlocked.Read(ref _waitingCount);

    /// <summary>How much was dropped because too much waited.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Takes an event, or a record of the coordinator's own log. Never waits.</summary>
    public void Tell(object message, IActorRef? sender = null)
    {
        bool isDroppable = message
            is StepsObserved or VitalsObserved or WorkerLogged or ActorLogRecord or TrialObserved;
        if (isDroppable && Waiting > WaitingMax)
            Interlocked.Increment(ref _dropped);
        else if (_waiting.Writer.TryWrite(message))
            Interlocked.Increment(ref _waitingCount);
    }

    /// <summary>Completes once the version is beyond that one.</summary>
    public async Task ChangedAsync(long version, CancellationToken cancellation)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_version > version)
                    return;
                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    public ClusterOverview Overview()
    {
        lock (_gate)
        {
            IReadOnlyList<WorkerView> members =
                [.. _workers.Since(0).Where(worker => !worker.IsGone)];
            IReadOnlyList<JobView> running =
                [.. _jobs.Since(0).Where(job => job.Outcome is null)];
            return new ClusterOverview(
                _version, _address, _term, _leaderAddress, _startedUtc, members.Count,
                members.Count(worker => worker.IsUnreachable),
                members.Count(worker => worker.Work.Job != 0), running.Count,
                _sweeps.RunningCount, running.Sum(job => job.ImagesPerSecond));
        }
    }

    /// <summary>The workers that have changed since a version, by name; all for 0.</summary>
    public IReadOnlyList<WorkerView> Workers(long since = 0)
    {
        lock (_gate)
            return _workers.Since(since);
    }

    /// <summary>The jobs that have changed since a version, in the order of their beginning; all
    /// for 0.</summary>
    public IReadOnlyList<JobView> Jobs(long since = 0)
    {
        lock (_gate)
            return _jobs.Since(since);
    }

    /// <summary>Null where the job is not known.</summary>
    public JobCurves? Curves(ulong job)
    {
        lock (_gate)
            return _jobs.Curves(job);
    }

    /// <summary>
    /// The last steps of a job after that one, of all ranks; empty where the job is not known or
    /// has ended.
    /// </summary>
    public IReadOnlyList<StepTiming> Timeline(ulong job, long afterStep)
    {
        lock (_gate)
            return _jobs.Timeline(job, afterStep);
    }

    /// <summary>How often workers have joined, come again and been lost.</summary>
    public WorkerChanges WorkerChanges()
    {
        lock (_gate)
            return _workers.Changes;
    }

    /// <summary>The sweeps that have changed since a version; all for 0.</summary>
    public IReadOnlyList<SweepView> Sweeps(long since = 0)
    {
        lock (_gate)
            return _sweeps.Since(since);
    }

    /// <summary>The trials of a sweep that have changed since a version, by number; all for
    /// 0.</summary>
    public IReadOnlyList<TrialView> Trials(ulong sweep, long since = 0)
    {
        lock (_gate)
            return _sweeps.Trials(sweep, since);
    }

    /// <summary>What has happened after that sequence, ascending; the newest ones where there are
    /// more than so many.</summary>
    public IReadOnlyList<HappeningView> Happenings(long after, int countMax)
    {
        lock (_gate)
            return _happenings.After(after, countMax);
    }

    /// <summary>The lines of log after that sequence, ascending; the newest ones where there are
    /// more than so many.</summary>
    public IReadOnlyList<LogView> Logs(long after, int countMax)
    {
        lock (_gate)
            return _logs.After(after, countMax);
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _taking;
    }

    private async Task TakeAsync()
    {
        while (await _waiting.Reader.WaitToReadAsync())
        {
            TaskCompletionSource changed;
            lock (_gate)
            {
                // A batch under one lock: whoever asks gets its turn in between.
                for (int taken = 0; taken < 256 && _waiting.Reader.TryRead(out object? next);)
                {
                    Interlocked.Decrement(ref _waitingCount);
                    Take(next);
                    taken++;
                }

                changed = _changed;
                _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            changed.TrySetResult();
        }
    }

    private void Take(object message)
    {
        long version = ++_version;
        DateTimeOffset now = _clock.GetUtcNow();
        switch (message)
        {
            case MembershipEvent changed:
                _workers.Apply(changed, version, now);
                Note(
                    changed.GetType().Name, changed.Member.Name,
                    $"{changed.Member.Address}: {changed.Reason}",
                    changed is UnreachableMember or MemberDowned, now);
                break;
            case LeadershipObserved leadership:
                Apply(leadership, now);
                break;
            case WorkerObserved worker:
                _workers.Apply(worker, version);
                break;
            case VitalsObserved vitals:
                _workers.Apply(vitals, version);
                break;
            case WorkerLogged logged:
                _logs.Add(new LogView(
                    _logs.Last + 1, DateTimeOffset.FromUnixTimeMilliseconds(logged.Line.UtcUnixMs),
                    logged.Line.Level, logged.Worker.Name, logged.Line.Source, logged.Line.Text));
                break;
            case ActorLogRecord record:
                _logs.Add(new LogView(
                    _logs.Last + 1, record.Utc, record.Level, "coordinator", record.Source,
                    record.Exception is null ? record.Text : $"{record.Text}: {record.Exception}"));
                break;
            case JobObserved job:
                _jobs.Apply(job, version, now);
                break;
            case JobHappened happened:
                _jobs.Apply(happened, version, now);
                NoteJob(happened, now);
                break;
            case JobStatusObserved status:
                _jobs.Apply(status, version);
                break;
            case GenerationObserved generation:
                _jobs.Apply(generation, version);
                _workers.Apply(generation, _jobs.ShardsOf(generation.Generation.Job), version);
                break;
            case StepsObserved steps:
                _workers.Apply(steps, version);
                _jobs.Apply(steps, _workers.NameOf(steps.Incarnation));
                break;
            case SweepObserved sweep:
                _sweeps.Apply(sweep, version);
                NoteSweep(sweep, now);
                break;
        }
    }

    private void Apply(LeadershipObserved leadership, DateTimeOffset now)
    {
        if (_term > 0 && leadership.Term == 0)
        {
            // Another one keeps all this now.
            _workers.Clear();
            _jobs.Clear();
            _sweeps.Clear();
        }

        _term = leadership.Term;
        _leaderAddress = leadership.LeaderAddress;
        Note(
            "LeaderChanged",
            leadership.LeaderAddress.Length > 0 ? leadership.LeaderAddress : "none",
            leadership.Reason, isFailure: false, now);
    }

    private void NoteJob(JobHappened happened, DateTimeOffset now)
    {
        (string Text, bool IsFailure)? note = JobHappenings.Describe(happened.Event);
        if (note is { } told)
        {
            Note(
                happened.Event.GetType().Name, _jobs.NameOf(happened.Job), told.Text,
                told.IsFailure, now, happened.Job);
        }
    }

    private void NoteSweep(SweepObserved sweep, DateTimeOffset now)
    {
        // A history that is taken over has been told before.
        if (sweep.Decisions is [Cluster.Sweeps.SweepSubmitted, _, ..])
            return;
        foreach (Cluster.Sweeps.SweepDecision decision in sweep.Decisions)
        {
            if (SweepHappenings.Describe(decision) is { } told)
            {
                Note(
                    decision.GetType().Name, _sweeps.NameOf(decision.Sweep), told.Text,
                    told.IsFailure, now);
            }
        }
    }

    private void Note(
        string kind, string subject, string text, bool isFailure, DateTimeOffset now,
        ulong job = 0) =>
        _happenings.Add(new HappeningView(
            _happenings.Last + 1, now, kind, subject, text, isFailure)
        { Job = job });
}
