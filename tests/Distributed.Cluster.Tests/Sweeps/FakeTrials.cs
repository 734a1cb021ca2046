using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Tests.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>
/// Makes jobs of trials at once: each goes on where the trial's jobs before it have saved.
/// </summary>
internal sealed class FakeTrials(FakeStore store) : ITrialPort
{
    public const long StepsPerEpoch = 3;

    /// <summary>How the next leg of a trial ends before it begins, by trial; once each.</summary>
    public SortedDictionary<int, LegEnd> Refusals { get; } = [];

    /// <summary>Answers are kept back until <see cref="LetGo"/>.</summary>
    public bool Holds { get; set; }

    public List<TrialLeg> Asked { get; } = [];

    public List<TrialEnded> Concluded { get; } = [];

    private List<Action> Held { get; } = [];

    public void Prepare(TrialLeg leg, IActorRef replyTo)
    {
        Asked.Add(leg);
        void Answer() => replyTo.Tell(
            Refusals.Remove(leg.Leg.Trial, out LegEnd end)
                ? new TrialRefused(leg.Leg, end, $"refused: {end}")
                : new TrialPrepared(leg.Leg, Job(leg), 100 + leg.Leg.Trial, 200));
        if (Holds)
            Held.Add(Answer);
        else
            Answer();
    }

    public void LetGo()
    {
        Holds = false;
        Held.ForEach(answer => answer());
        Held.Clear();
    }

    public void Conclude(SweepDescription sweep, TrialEnded ended) => Concluded.Add(ended);

    private JobDescription Job(TrialLeg leg)
    {
        string folder = leg.Sweep.FolderOf(leg.Leg.Trial);
        long start = store.Jobs.Where(job => job.Description.RunFolder == folder)
            .Select(job => job.CheckpointStep).DefaultIfEmpty(0).Max();
        long total = leg.Sweep.Epochs * StepsPerEpoch;
        long stop = leg.Leg.UntilEpoch * StepsPerEpoch;
        return new JobDescription(
            $"trial-{leg.Leg.Trial}", "spec", folder, leg.Sweep.Limits.WorkersPerTrial, 1, 4,
            ReductionOrder.Exact, GlobalBatch: 64, TrainSamples: (64 * StepsPerEpoch) - 10,
            TestBatches: 5,
            new StepSchedule(
                total, StepsPerEpoch, StepsPerEpoch, 0, stop == total ? 0 : stop),
            start, start > 0 ? $"/checkpoints/{start}" : "", "", 0, "commit");
    }
}
