using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Sweeps.Scheduling;

/// <summary>
/// Says at certain epochs whether a trial is worth going on with. A pure function of the seed it
/// was made with and of what it is given.
/// </summary>
public interface ITrialScheduler
{
    /// <summary>After which epochs it judges, ascending, the last epoch not among them.</summary>
    IReadOnlyList<int> Rungs { get; }

    /// <summary>Judges a trial that has come to a rung.</summary>
    /// <param name="trial">The trial's number.</param>
    /// <param name="epoch">One of <see cref="Rungs"/>.</param>
    /// <param name="trials">All trials so far, in the order of their numbers.</param>
    Verdict Judge(int trial, int epoch, IReadOnlyList<TrialProgress> trials);
}

/// <summary>How far a trial has come.</summary>
/// <param name="Number">Trials are numbered from 0, in the order in which they were
/// suggested.</param>
/// <param name="Parameters">Its present ones.</param>
/// <param name="HasEnded">It comes to no further epoch.</param>
/// <param name="Results">After each epoch that it was judged at or ended at, ascending.</param>
public sealed record TrialProgress(
    int Number, IReadOnlyList<ParameterValue> Parameters, bool HasEnded,
    IReadOnlyList<EpochResult> Results);

/// <param name="Epoch">From 1.</param>
/// <param name="Loss">Of the first objective, less is better; NaN where it was none.</param>
public sealed record EpochResult(int Epoch, double Loss);

/// <summary>What becomes of a trial at a rung, and why.</summary>
public abstract record Verdict(string Reason)
{
    public sealed record GoOn(string Reason) : Verdict(Reason);

    public sealed record Stop(string Reason) : Verdict(Reason);

    /// <summary>Others have to come further before this can be said.</summary>
    public sealed record Wait(string Reason) : Verdict(Reason);

    /// <summary>Go on from another trial's state after the same epoch, with these
    /// parameters.</summary>
    public sealed record Exploit(
        int Source, IReadOnlyList<ParameterValue> Parameters, string Reason) : Verdict(Reason);
}
