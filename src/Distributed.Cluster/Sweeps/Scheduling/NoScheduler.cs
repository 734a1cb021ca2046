namespace Distributed.Cluster.Sweeps.Scheduling;

/// <summary>Lets every trial run to its end.</summary>
internal sealed class NoScheduler : ITrialScheduler
{
    public IReadOnlyList<int> Rungs => [];

    public Verdict Judge(int trial, int epoch, IReadOnlyList<TrialProgress> trials) =>
        new Verdict.GoOn("no trial is stopped early");
}
