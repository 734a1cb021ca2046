using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;

namespace Distributed.Cluster.Sweeps;

/// <summary>
/// Run this sweep; its decisions go to the watcher as <see cref="SweepProgressed"/>, the submission
/// first, once they are durable. The same submission twice is one sweep.
/// </summary>
public sealed record SubmitSweep(SweepSubmitted Submission, IActorRef Watcher);

/// <summary>Watch a sweep that was submitted before, from a decision on.</summary>
/// <param name="Since">The sequence of the first decision that the watcher has not seen.</param>
public sealed record WatchSweep(ulong Sweep, long Since, IActorRef Watcher);

public sealed record SweepWatcherGone(ulong Sweep, IActorRef Watcher);

/// <summary>To a watcher: durable decisions, in their order and without a gap.</summary>
public sealed record SweepProgressed(IReadOnlyList<SweepDecision> Decisions);

/// <summary>To a watcher: how far a trial that runs has come.</summary>
public sealed record TrialStepped(int Trial, StepCommitted Step);

/// <summary>To a watcher: there is no such sweep.</summary>
public sealed record SweepUnknown(ulong Sweep);

/// <summary>What a person wants of a sweep; answered with <see cref="SweepOrderReply"/>.</summary>
public abstract record SweepOrder(ulong Sweep);

public sealed record PauseSweep(ulong Sweep, string Reason) : SweepOrder(Sweep);

public sealed record ResumeSweep(ulong Sweep) : SweepOrder(Sweep);

public sealed record StopSweep(ulong Sweep, string Reason) : SweepOrder(Sweep);

public sealed record AddTrials(ulong Sweep, int Count) : SweepOrder(Sweep);

/// <summary>Try trials that failed once more.</summary>
/// <param name="Trial">-1: all that failed.</param>
public sealed record RetryTrial(ulong Sweep, int Trial) : SweepOrder(Sweep);

/// <summary>An order was taken, and is durable; or why it was not.</summary>
public sealed record SweepOrderReply(bool Taken, string Message);

/// <summary>
/// The port that turns parameters into a job. Calls return at once; each is answered by one message
/// to the actor given.
/// </summary>
public interface ITrialPort
{
    /// <summary>
    /// Makes the trial's run spec and looks what its folder holds to go on from. Nothing else may
    /// be at work in the folder. Answered with <see cref="TrialPrepared"/> or
    /// <see cref="TrialRefused"/>.
    /// </summary>
    void Prepare(TrialLeg leg, IActorRef replyTo);

    /// <summary>Notes in the trial's folder how it ended. Not answered; again is no harm.</summary>
    void Conclude(SweepDescription sweep, TrialEnded ended);
}

/// <summary>What one leg of a trial is to do.</summary>
/// <param name="Parameters">The trial's present ones.</param>
public sealed record TrialLeg(
    SweepDescription Sweep, LegStarted Leg, IReadOnlyList<ParameterValue> Parameters);

/// <param name="Job">Ends at the leg's last epoch.</param>
/// <param name="ParameterCount">How many numbers the network learns.</param>
/// <param name="Flops">To classify one image.</param>
public sealed record TrialPrepared(
    LegStarted Leg, JobDescription Job, long ParameterCount, long Flops);

/// <summary>The leg ends before it began.</summary>
public sealed record TrialRefused(LegStarted Leg, LegEnd End, string Message);

/// <summary>
/// To the coordinator: watch that job; answered with JobUnknown where there is none.
/// </summary>
internal sealed record AttachJob(ulong Sweep, ulong Job, IActorRef Watcher);

/// <summary>To a watcher that attached: no such job was submitted.</summary>
internal sealed record JobUnknown(ulong Job);

/// <summary>To the coordinator: these workers get no job of the sweep.</summary>
internal sealed record BenchWorkers(ulong Sweep, IReadOnlyCollection<string> Names);

/// <summary>From the coordinator: for so many workers the sweep may have jobs.</summary>
internal sealed record SweepCapacity(int Workers);

/// <summary>Something about the job of a leg.</summary>
internal sealed record LegHeard(int Trial, int Leg, object Message);

/// <summary>To the coordinator: the sweep has ended, or goes on after all.</summary>
internal sealed record SweepActivity(ulong Sweep, bool IsEnded);

/// <summary>Watches one leg's job on behalf of its sweep.</summary>
internal sealed class LegWatcher(IActorRef sweep, LegStarted leg) : IActorRef
{
    public string Path => $"{sweep.Path}/trial-{leg.Trial}/leg-{leg.Leg}";

    public void Tell(object message, IActorRef? sender = null) =>
        sweep.Tell(new LegHeard(leg.Trial, leg.Leg, message), sender);
}
