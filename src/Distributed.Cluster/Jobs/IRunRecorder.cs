using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// The port through which a job writes its run folder: spec, metrics, TensorBoard. Calls return at
/// once; what they ask for happens in their order. A failure is told to the actor named in Begin as
/// <see cref="RecordingFailed"/>, once.
/// </summary>
public interface IRunRecorder
{
    /// <summary>Writes run.yaml and opens the metric files; answered with RecordingBegun.</summary>
    void Begin(JobDescription description, string numerics, IActorRef job);

    /// <summary>Losses come from rank 0, times from every rank.</summary>
    void Steps(int rank, IReadOnlyList<StepRecord> steps);

    void Epoch(EpochCompleted epoch);

    /// <summary>
    /// Flushes and closes everything; answered with RecordingEnded. The summary is null for a run
    /// that did not complete.
    /// </summary>
    void End(RunCompleted? summary);
}

/// <summary>The run folder holds its spec and takes metrics.</summary>
public sealed record RecordingBegun;

/// <summary>All that was recorded is durable and the files are closed.</summary>
public sealed record RecordingEnded;

/// <summary>The run folder could not be written.</summary>
public sealed record RecordingFailed(string Message);
