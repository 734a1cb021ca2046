using Distributed.Cluster.Jobs;
using Distributed.Cluster.Observers;

namespace Distributed.Runtime.Observers;

/// <summary>The last steps of every rank of one generation.</summary>
internal sealed class RankTimings
{
    private const int StepsMax = 128;

    private History<StepTiming>[] _ranks = [];

    /// <summary>Another generation begins.</summary>
    public void Begin(int rankCount) => _ranks =
        [.. Enumerable.Range(0, rankCount).Select(_ => new History<StepTiming>(StepsMax))];

    public void Add(StepsObserved observed, string worker)
    {
        if (observed.Rank >= _ranks.Length)
            return;
        History<StepTiming> rank = _ranks[observed.Rank];
        long last = rank.Last == 0 ? 0 : rank.After(0, 1)[0].Step;
        foreach (StepRecord step in observed.Steps)
        {
            if (step.Step <= last)
                continue;
            rank.Add(new StepTiming(
                worker, observed.Rank, step.Step, step.ComputeMs, step.CommunicationMs,
                step.WaitMs, step.StepMs));
        }
    }

    /// <summary>By rank, then by step.</summary>
    public IReadOnlyList<StepTiming> After(long step) =>
        [.. _ranks.SelectMany(rank => rank.After(0, StepsMax)).Where(timing => timing.Step > step)];
}
