namespace Distributed.Cluster.Jobs;

/// <summary>What a worker is doing with its job.</summary>
public enum WorkPhase
{
    /// <summary>Loads data and builds the model.</summary>
    Preparing,

    /// <summary>Holds the state after a step and does nothing.</summary>
    Halted,

    /// <summary>Takes its place in a generation.</summary>
    Joining,

    /// <summary>Steps.</summary>
    Running,

    /// <summary>Paused after a step on which all ranks agreed.</summary>
    Yielded,

    /// <summary>Is through: with all steps, or with an agreed stop.</summary>
    Finished,

    /// <summary>Cannot go on in this generation: a peer is gone.</summary>
    Broken,

    /// <summary>Cannot go on at all.</summary>
    Failed,
}

/// <summary>Whose fault a failure is.</summary>
public enum Blame
{
    /// <summary>Another rank's, or that of the way to it.</summary>
    Peer,

    /// <summary>This worker's: its device or its library.</summary>
    Worker,

    /// <summary>The job's: any worker would fail alike.</summary>
    Job,
}

/// <param name="Blame">Whose fault it is.</param>
/// <param name="ExitCode">What the run's command should exit with, if the job ends of it.</param>
/// <param name="PeerRank">The rank that is blamed, or -1.</param>
/// <param name="Message">What, expected, what to do.</param>
/// <param name="IsDiskFull">There was no room on a disk.</param>
public sealed record WorkFailure(
    Blame Blame, int ExitCode, int PeerRank, string Message, bool IsDiskFull = false);

/// <summary>How a worker finished.</summary>
public sealed record WorkResult(bool Stopped, string ParametersSha256, double TrainingSeconds);

/// <summary>
/// Where a worker stands with its job: told on every change, and again to every coordinator that it
/// comes to, so that none of them has to remember.
/// </summary>
/// <param name="Generation">The newest generation that the worker has heard of: it commits nothing
/// of an older one.</param>
/// <param name="Step">The last committed step whose state it holds.</param>
/// <param name="Numerics">Its numerics fingerprint, as canonical text of key=value pairs; empty
/// while it prepares.</param>
/// <param name="Failure">Of phases Broken and Failed.</param>
/// <param name="Result">Of phase Finished.</param>
/// <param name="Returns">Of the order to prepare: where the job has returned more often since then,
/// the state is void.</param>
public sealed record WorkState(
    ulong Job, int Generation, WorkPhase Phase, long Step, string Numerics, string Device,
    WorkFailure? Failure = null, WorkResult? Result = null, int Returns = 0);
