using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// The port through which a job writes its run folder: spec, metrics, TensorBoard. Calls return at
/// once; what they ask for happens in their order. A failure is told to the actor named in Begin as
/// <see cref="RecordingFailed"/>, once. What a coordinator has had confirmed as durable, its
/// successor finds on record; of the rest it may find a part, and records on from there.
/// </summary>
public interface IRunRecorder
{
    /// <summary>
    /// Opens the run folder's files, mending what a killed process left torn; answered with
    /// <see cref="RecordingBegun"/>.
    /// </summary>
    void Begin(JobDescription description, IActorRef job);

    /// <summary>Writes the fingerprint into run.yaml.</summary>
    void Numerics(string numerics);

    /// <summary>Steps that are not on record yet, in order and without a gap.</summary>
    void Steps(IReadOnlyList<StepRecord> steps);

    /// <summary>A worker's times over the steps of one report.</summary>
    void Times(ReportOrigin origin, StepsCommitted report);

    void Epoch(EpochCompleted epoch);

    /// <summary>
    /// Something to show beside the figures. It is dropped where too much waits already or cannot
    /// be written; the recording goes on.
    /// </summary>
    void Attach(RunAttachment attachment);

    /// <summary>
    /// Answered with <see cref="RecordingDurable"/> once all that was asked for before would
    /// survive the death of this process and of the machine.
    /// </summary>
    void Commit(long mark);

    /// <summary>
    /// Takes back all that is on record of the steps after this one, and all checkpoints of them;
    /// answered with <see cref="RecordingBegun"/>. The same again has no further effect.
    /// </summary>
    /// <param name="step">The last step that stands.</param>
    /// <param name="returns">As in <see cref="PrepareJob"/>: who was prepared for fewer writes no
    /// checkpoint any more.</param>
    void ReturnTo(long step, int returns);

    /// <summary>
    /// Flushes and closes everything; answered with RecordingEnded. The summary is null for a run
    /// that did not complete.
    /// </summary>
    void End(RunCompleted? summary);

    /// <summary>Closes the files without a word, because another coordinator has taken
    /// over.</summary>
    void Abandon();
}

/// <summary>Which report of which worker: a repeated report is recognised by it.</summary>
public readonly record struct ReportOrigin(ulong Incarnation, long Sequence, int Rank);

/// <summary>The run folder takes metrics. What it held before:</summary>
/// <param name="LastStep">The last step on record.</param>
/// <param name="Epochs">All epochs on record.</param>
/// <param name="LastSequences">By worker incarnation, the last report whose times are on
/// record.</param>
public sealed record RecordingBegun(
    long LastStep, IReadOnlyList<EpochCompleted> Epochs,
    IReadOnlyDictionary<ulong, long> LastSequences);

/// <summary>All that was recorded before the commit of that mark is durable.</summary>
public sealed record RecordingDurable(long Mark);

/// <summary>All that was recorded is durable and the files are closed.</summary>
public sealed record RecordingEnded;

/// <summary>The run folder could not be written.</summary>
/// <param name="Message">What, expected, what to do.</param>
/// <param name="IsReplaced">Another coordinator has taken the record over.</param>
/// <param name="IsDiskFull">There was no room on its disk.</param>
public sealed record RecordingFailed(
    string Message, bool IsReplaced = false, bool IsDiskFull = false);
