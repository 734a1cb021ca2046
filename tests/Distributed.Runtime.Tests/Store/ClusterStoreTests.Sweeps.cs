using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;
using Distributed.Runtime.Tests.Protocol;
using FsCheck.Xunit;

namespace Distributed.Runtime.Tests.Store;

/// <summary>What a store does with sweeps.</summary>
public abstract partial class ClusterStoreTests
{
    private static readonly SweepDescription sweepDescription = new(
        "sweep", "/sweeps/a", "epochs: 4", [],
        new SearchSpace([new RealDimension("rate", [], 0, 1, null, false)]), new RandomSpec(),
        new NoSchedulerSpec(), [new Objective(ObjectiveMetric.TestLoss, false)],
        new SweepLimits(4, 0, 1, TimeSpan.FromMinutes(90), 2), [1], 4, 1, true, [], "");

    private static SweepSubmitted Submission(ulong sweep) => new(sweep, sweepDescription);

    private static string[] Shown(IEnumerable<SweepDecision> decisions) =>
        [.. decisions.Select(Records.Describe)];

    private static ulong[] Numbers(IReadOnlyList<IReadOnlyList<SweepDecision>> sweeps) =>
        [.. sweeps.Select(decisions => decisions[0].Sweep)];

    /// <summary>Batches of drawn decisions, some of them appended again with others.</summary>
    [Property(MaxTest = 20)]
    public async Task A_sweep_is_loaded_as_it_was_appended(ulong seed)
    {
        var random = new Prng(seed);
        string database = $"sweep{Guid.NewGuid():n}";
        await using StoreClient store = await OpenAsync(database);
        await using StoreClient other = await OpenAsync(database);
        long term = await store.TakeAsync(Coordinator(1));
        Type[] kinds =
        [
            typeof(SweepPaused), typeof(SweepResumed), typeof(SweepStopped), typeof(TrialsAdded),
            typeof(WorkerBenched), typeof(SweepEnded),
        ];
        List<SweepDecision> expected = [Submission(7)];
        int kept = 0;
        while (expected.Count < 20)
        {
            Type kind = kinds[random.NextBelow((ulong)kinds.Length)];
            expected.Add((SweepDecision)Records.Draw(kind, random) with
            {
                Sweep = 7,
                Sequence = expected.Count,
            });
            if (!random.NextChance(1, 3))
                continue;
            await store.KeepSweepAsync(term, [.. expected[kept..]]);
            // From further back, as when an answer was lost.
            kept = random.NextChance(1, 2) ? expected.Count : kept;
        }

        expected.Add(new SweepResumed(7, expected.Count));
        expected.Add(new TrialsAdded(7, expected.Count, 1));
        await store.KeepSweepAsync(term, [.. expected[kept..]]);
        Assert.Equal(Shown(expected), Shown(Assert.Single(await other.SweepsAsync())));
    }

    [Fact]
    public async Task A_sweep_of_an_older_term_is_refused_and_changes_nothing()
    {
        await using StoreClient first = await OpenAsync("sweepfence");
        await using StoreClient second = await OpenAsync("sweepfence");
        long old = await first.TakeAsync(Coordinator(1));
        await first.KeepSweepAsync(old, Submission(7));
        long term = await second.TakeAsync(Coordinator(2));
        Lease lease = await second.LeaseAsync();
        foreach (SweepDecision late in new SweepDecision[]
        {
            Submission(8), new SweepPaused(7, 1, "late"),
        })
        {
            Assert.Equal(
                new SweepAppendRefused(late.Sweep, lease),
                await first.AppendSweepAsync(old, late));
            Assert.Equal(
                new SweepAppendRefused(late.Sweep, lease),
                await first.AppendSweepAsync(term + 1, late));
        }

        Assert.Equal(
            Shown([Submission(7)]), Shown(Assert.Single(await second.SweepsAsync())));
    }

    [Fact]
    public async Task A_sweep_that_ended_is_loaded_for_an_hour()
    {
        await using StoreClient store = await OpenAsync("sweepended");
        long term = await store.TakeAsync(Coordinator(1));
        ulong[] sweeps = [3, ulong.MaxValue, 1];
        foreach (ulong sweep in sweeps)
            await store.KeepSweepAsync(term, Submission(sweep));
        await store.KeepSweepAsync(term, new SweepEnded(3, 1, "done", 0));
        _clock.Now += TimeSpan.FromMinutes(60);
        Assert.Equal(sweeps, Numbers(await store.SweepsAsync()));
        _clock.Now += TimeSpan.FromMilliseconds(1);
        Assert.Equal(sweeps[1..], Numbers(await store.SweepsAsync()));
    }

    [Fact]
    public async Task What_ended_a_sweep_can_be_taken_back()
    {
        await using StoreClient store = await OpenAsync("sweepagain");
        long term = await store.TakeAsync(Coordinator(1));
        await store.KeepSweepAsync(
            term, Submission(1), new SweepEnded(1, 1, "", 0), new TrialsAdded(1, 2, 3));
        await store.KeepSweepAsync(
            term, Submission(2), new TrialSuggested(2, 1, 0, [], "", 0),
            new TrialEnded(2, 2, 0, TrialEnd.Failed, "", 0), new SweepEnded(2, 3, "", 0));
        await store.KeepSweepAsync(term, new TrialRetried(2, 4, 0));
        await store.KeepSweepAsync(
            term, Submission(3), new TrialsAdded(3, 1, 3), new SweepEnded(3, 2, "", 0));
        // The newest is loaded however long ago it ended.
        await store.KeepSweepAsync(term, Submission(4), new SweepEnded(4, 1, "", 0));
        _clock.Now += TimeSpan.FromDays(3);
        Assert.Equal([1, 2, 4], Numbers(await store.SweepsAsync()));
    }

    /// <summary>A coordinator that comes days later learns how the job of a leg ended.</summary>
    [Fact]
    public async Task The_job_of_a_leg_that_runs_is_loaded_however_long_ago_it_ended()
    {
        await using StoreClient store = await OpenAsync("sweepjobs");
        long term = await store.TakeAsync(Coordinator(1));
        SweepDecision[] decisions =
        [
            Submission(7), new TrialSuggested(7, 1, 0, [], "", 0),
            new LegStarted(7, 2, 0, 1, 2, -1, 0),
        ];
        ulong job = Assert.Single(SweepState.Of(decisions).JobsUnderWay());
        await store.KeepSweepAsync(term, decisions);
        var outcome = new RunInterrupted(5, "run");
        foreach (ulong number in new[] { job, job + 2 })
        {
            await store.KeepAsync(
                term, new JobSubmitted(number, Description), new JobConcluded(number, outcome));
        }

        _clock.Now += TimeSpan.FromDays(3);
        StoredJob loaded = Assert.Single(await store.JobsAsync());
        Assert.Equal((job, (RunEvent)outcome), (loaded.Job, loaded.Outcome));
        await store.KeepSweepAsync(term, new LegEnded(
            7, 3, 0, 1, new LegOutcome(LegEnd.Interrupted, null, "", "")));
        Assert.Empty(await store.JobsAsync());
    }
}
