using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Membership;
using Distributed.Cluster.Observers;

namespace Distributed.Runtime.Observers;

/// <summary>The workers' part of the read model.</summary>
internal sealed class WorkersModel
{
    /// <summary>So many that are gone are kept.</summary>
    private const int GoneMax = 100;

    private readonly Dictionary<ulong, WorkerView> _workers = [];
    private readonly Queue<ulong> _gone = [];

    public WorkerChanges Changes { get; private set; }

    public IReadOnlyList<WorkerView> Since(long version) =>
    [
        .. _workers.Values.Where(worker => worker.Version > version)
            .OrderBy(worker => worker.Worker.Name, NaturalOrder.Instance)
            .ThenBy(worker => worker.SinceUtc),
    ];

    public string NameOf(ulong incarnation) =>
        _workers.TryGetValue(incarnation, out WorkerView? worker) ? worker.Worker.Name : "";

    public void Clear()
    {
        _workers.Clear();
        _gone.Clear();
    }

    public void Apply(MembershipEvent changed, long version, DateTimeOffset now)
    {
        MemberIdentity member = changed.Member;
        Count(changed);
        if (!_workers.TryGetValue(member.Incarnation, out WorkerView? known))
        {
            known = new WorkerView(
                version,
                new WorkerIdentity(
                    member.Name, member.Incarnation, "", 0, member.Address, member.Roles),
                nameof(MemberStatus.Joining), false, changed.Reason, now, "", null,
                WorkerWork.None);
        }

        (string status, bool isUnreachable) = changed switch
        {
            MemberJoined => (nameof(MemberStatus.Joining), false),
            MemberUp => (nameof(MemberStatus.Up), known.IsUnreachable),
            MemberLeft => (nameof(MemberStatus.Leaving), known.IsUnreachable),
            MemberExited => (nameof(MemberStatus.Exiting), known.IsUnreachable),
            MemberDowned => (nameof(MemberStatus.Down), known.IsUnreachable),
            MemberRemoved => (nameof(MemberStatus.Removed), known.IsUnreachable),
            UnreachableMember => (known.Status, true),
            _ => (known.Status, false),
        };
        bool isGone = changed is MemberRemoved;
        _workers[member.Incarnation] = known with
        {
            Version = version,
            Status = status,
            IsUnreachable = isUnreachable,
            Reason = changed.Reason,
            SinceUtc = now,
            Work = isGone ? WorkerWork.None with { Device = known.Work.Device } : known.Work,
        };
        if (!isGone)
            return;
        _gone.Enqueue(member.Incarnation);
        if (_gone.Count > GoneMax)
            _workers.Remove(_gone.Dequeue());
    }

    public void Apply(WorkerObserved observed, long version) => Change(
        observed.Worker.Incarnation, version,
        worker =>
        {
            WorkerWork work = worker.Work.Job == observed.Job ? worker.Work : WorkerWork.None;
            return worker with
            {
                Worker = observed.Worker,
                BenchReason = observed.BenchReason,
                Work = work with
                {
                    Job = observed.Job,
                    Phase = observed.Phase,
                    Device = observed.Device,
                    Step = Math.Max(work.Step, observed.Step),
                },
            };
        });

    public void Apply(VitalsObserved observed, long version) => Change(
        observed.Incarnation, version,
        worker => worker with { Vitals = observed.Vitals });

    public void Apply(GenerationObserved observed, int shardsTotal, long version)
    {
        Generation generation = observed.Generation;
        foreach (WorkerView worker in _workers.Values.Where(
            worker => worker.Work.Job == generation.Job
                && generation.RankOf(worker.Worker.Incarnation) < 0).ToList())
        {
            Change(
                worker.Worker.Incarnation, version,
                spare => spare with
                {
                    Work = spare.Work with { Rank = -1, FirstShard = 0, ShardCount = 0 },
                });
        }

        foreach (RankAssignment rank in generation.Ranks)
        {
            Change(
                rank.Worker.Incarnation, version,
                worker => worker with
                {
                    Work = worker.Work with
                    {
                        Job = generation.Job,
                        Rank = rank.Rank,
                        FirstShard = rank.Shards.First,
                        ShardCount = rank.Shards.Count,
                        ShardsTotal = shardsTotal,
                    },
                });
        }
    }

    public void Apply(StepsObserved observed, long version)
    {
        if (observed.Steps.Count == 0)
            return;
        IReadOnlyList<StepRecord> steps = observed.Steps;
        double computeMs = steps.Average(step => step.ComputeMs);
        Change(
            observed.Incarnation, version,
            worker => worker.Work.Job != observed.Job ? worker : worker with
            {
                Work = worker.Work with
                {
                    Step = steps[^1].Step,
                    ComputeMs = computeMs,
                    CommunicationMs = steps.Average(step => step.CommunicationMs),
                    WaitMs = steps.Average(step => step.WaitMs),
                    StepMs = steps.Average(step => step.StepMs),
                    ImagesPerSecond = computeMs > 0 && worker.Work.ShardsTotal > 0
                        ? steps.Average(step => step.Samples) * worker.Work.ShardCount
                            / worker.Work.ShardsTotal / computeMs * 1e3
                        : 0,
                },
            });
    }

    private void Count(MembershipEvent changed)
    {
        if (changed is MemberJoined { Member: var joining })
        {
            bool isKnown = _workers.ContainsKey(joining.Incarnation);
            bool isRestart = !isKnown
                && _workers.Values.Any(worker => worker.Worker.Name == joining.Name);
            Changes = Changes with
            {
                Joined = Changes.Joined + (isKnown ? 0 : 1),
                Restarted = Changes.Restarted + (isRestart ? 1 : 0),
            };
        }
        else if (changed is MemberDowned)
        {
            Changes = Changes with { Lost = Changes.Lost + 1 };
        }
    }

    private void Change(ulong incarnation, long version, Func<WorkerView, WorkerView> change)
    {
        if (_workers.TryGetValue(incarnation, out WorkerView? worker))
            _workers[incarnation] = change(worker) with { Version = version };
    }
}
