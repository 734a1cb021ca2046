using Distributed.Cluster.Coordination;
using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// Whether the job's ranks agree about their parameters, which checkpoints count because they do,
/// and the way back to the newest of them when they do not.
/// </summary>
internal sealed partial class JobActor
{
    private readonly ParameterConsensus consensus = new();
    private readonly List<HeldReport> held = [];
    private readonly Queue<(long Mark, CheckpointRecorded Saved)> saved = [];
    private long newestSaved;
    private ParameterDivergence? divergence;
    private bool isReturnDecided;
    private bool isCutBack;

    /// <summary>A checkpoint that counts is on its way into the store.</summary>
    private bool IsSaving => held.Exists(report => report.IsAccepted);

    private void OnHashed(
        JobWorker worker, ReportOrigin origin, ParametersHashed hashed, IActorContext context)
    {
        // An older generation was judged when the next one was decided.
        if (Current is not { } generation || hashed.Generation != generation.Number
            || origin.Rank < 0 || outcome is not null)
            return;
        held.Add(new HeldReport(origin, hashed));
        if (divergence is not null)
            return;
        ParameterDivergence? found = consensus.Add(
            new HashPoint(hashed.Step, hashed.IsSaved), origin.Rank,
            new ParameterVote(worker.Identity, hashed.Sha256), generation.Ranks.Count);
        if (found is not null)
        {
            Diverge(found, context);
            return;
        }

        AcceptAgreed(context);
        ReleaseSettled();
    }

    private void OnSaved(ReportOrigin origin, CheckpointWritten written, IActorContext context)
    {
        // An older one is told again by a worker that has changed its coordinator.
        if (written.Step <= job.CheckpointStep)
            return;
        bool isOrdered = saveOrdered == (origin.Incarnation, written.Step);
        var report = new HeldReport(origin, written) { IsOrdered = isOrdered };
        held.Add(report);
        AcceptAgreed(context);
        ReleaseSettled();
    }

    /// <summary>
    /// A checkpoint counts once all ranks of its generation agree about its step, or where it was
    /// ordered between two generations: then nobody is left to compare with. It is stored once the
    /// record up to its step is durable: who goes on from it never reports what came before.
    /// </summary>
    private void AcceptAgreed(IActorContext context)
    {
        if (divergence is not null)
            return;
        foreach (HeldReport report in held)
        {
            if (report.IsAccepted || report.Report is not CheckpointWritten written
                || written.Step <= Math.Max(job.CheckpointStep, newestSaved))
                continue;
            bool hasAgreed = consensus.HasAgreed(
                written.Generation, new HashPoint(written.Step, IsSaved: true));
            if (!hasAgreed && !report.IsOrdered)
                continue;
            report.IsAccepted = true;
            newestSaved = Math.Max(newestSaved, written.Step);
            ledger.Commit();
            saved.Enqueue((
                ledger.LastMark, new CheckpointRecorded(Number, written.Step, written.Path)));
        }

        StoreSaved(context);
    }

    private void StoreSaved(IActorContext context)
    {
        while (saved.TryPeek(out var next) && next.Mark <= ledger.DurableMark)
            Append(saved.Dequeue().Saved, context);
    }

    /// <summary>
    /// A report about parameters, and those after it, wait until it is of no more use: a successor
    /// has to be told of it again until then.
    /// </summary>
    private long Confirmable(ulong incarnation, long sequence)
    {
        foreach (HeldReport report in held)
        {
            if (report.Origin.Incarnation == incarnation && report.Origin.Sequence <= sequence)
                sequence = report.Origin.Sequence - 1;
        }

        return sequence;
    }

    private void ReleaseSettled() => held.RemoveAll(report =>
    {
        if (!IsSettled(report))
            return false;
        ledger.Confirm(report.Origin.Incarnation);
        return true;
    });

    private bool IsSettled(HeldReport held)
    {
        // Of an older generation not all ranks will ever tell.
        bool isLate = !held.IsAccepted && !held.IsOrdered
            && held.Report.Generation < (Current?.Number ?? 0);
        return isLate || held.Report switch
        {
            CheckpointWritten written => written.Step <= job.CheckpointStep,
            ParametersHashed { IsSaved: true } hashed => hashed.Step <= job.CheckpointStep,
            ParametersHashed hashed => consensus.HasAgreed(
                hashed.Generation, new HashPoint(hashed.Step, IsSaved: false)),
            _ => true,
        };
    }

    /// <summary>
    /// The workers that disagree with the majority are ejected. The others agree with each other,
    /// but computed with what those sent: the job returns to the newest checkpoint that counts.
    /// </summary>
    private void Diverge(ParameterDivergence found, IActorContext context)
    {
        if (outcome is not null || divergence is not null)
            return;
        context.Log.Warning(found.Reason);
        if (found.Minority.Count == 0)
        {
            Conclude(new RunFailed(ExitCodes.NumericsDiverged, found.Reason), context);
            return;
        }

        divergence = found;
        isReturnDecided = false;
        ReturnWhenSaved(context);
    }

    /// <summary>
    /// All checkpoints that count are stored first: one of them may be the newest.
    /// </summary>
    private void ReturnWhenSaved(IActorContext context)
    {
        if (divergence is null || isReturnDecided || IsSaving || outcome is not null)
            return;
        isReturnDecided = true;
        long step = job.CheckpointStep;
        string place = job.CheckpointPath.Length > 0
            ? $"the checkpoint of step {step}, the last on which all ranks agreed"
            : "its start, for there is no checkpoint on which all ranks agreed";
        Append(
            new ReturnedToCheckpoint(
                Number, Math.Max(Current!.Number, forming?.Generation.Number ?? 0), step,
                [.. divergence.Minority.Select(worker => worker.Incarnation)],
                $"{divergence.Reason}; the job returns to {place}",
                (forming?.StepsRedone ?? job.StepsRedone) + Math.Max(0, ledger.LastStep - step)),
            context);
    }

    private void OnReturned(ReturnedToCheckpoint returned, IActorContext context)
    {
        if (outcome is not null)
            return;
        divergence = null;
        ForgetGeneration(context);
        Tell(new Notice(returned.Reason));
        long step = job.CheckpointStep;
        saveFromStep = saveFromStep is null ? null : step + 1;
        Tell(new RunReturned(
            step, ledger.Epochs.LastOrDefault(epoch => epoch.Step <= step)?.Epoch ?? 0,
            job.Returns));
        foreach (ulong incarnation in returned.Ejected)
            Eject(incarnation, context);
        foreach (JobWorker worker in workers.Values)
            Rehire(worker);
        CutBack();
    }

    private void ForgetGeneration(IActorContext context)
    {
        held.Clear();
        saved.Clear();
        newestSaved = 0;
        forming = null;
        haltingTo = 0;
        isReturning = isHaltLate = isYielding = isYieldLate = wasInterrupted = false;
        waitsFor = "";
        saveOrdered = default;
        suspect = 0;
        context.CancelTimer(Timers.Halt);
        context.CancelTimer(Timers.Yield);
        context.CancelTimer(Timers.Return);
    }

    private void Eject(ulong incarnation, IActorContext context)
    {
        const string Reason = "its parameters differed from those of the other ranks";
        if (workers.Remove(incarnation, out JobWorker? worker))
            worker.Order(new ReleaseJob(Number, Reason));
        context.Parent!.Tell(new WorkerSpared(Number, incarnation, Reason, MayReturn: false));
    }

    /// <summary>
    /// Has a worker give up a void state for that of the checkpoint. Until it says that it prepares
    /// anew, what it says is about the void one.
    /// </summary>
    private void Rehire(JobWorker worker)
    {
        worker.IsRehired = true;
        worker.Order(new ReleaseJob(
            Number, $"the job has returned to its checkpoint of step {job.CheckpointStep}"));
        Prepare(worker);
    }

    /// <summary>Answered with RecordingBegun, as if the record were opened once more.</summary>
    private void CutBack()
    {
        isOpen = false;
        isCutBack = true;
        ledger.Forget();
        recorder.ReturnTo(job.CheckpointStep, job.Returns);
    }

    /// <summary>
    /// For a watcher that was not there when the job returned: all epochs that are not older than
    /// the job are told again.
    /// </summary>
    private RunReturned ReturnMissed() => new(
        job.CheckpointStep,
        WorkProgress.At(description.StartStep, description.Schedule).EpochsEvaluated,
        job.Returns);

    /// <summary>A report about parameters that is not settled yet.</summary>
    private sealed class HeldReport(ReportOrigin origin, JobReport report)
    {
        public ReportOrigin Origin => origin;

        public JobReport Report => report;

        /// <summary>A checkpoint that was ordered between two generations.</summary>
        public bool IsOrdered { get; init; }

        /// <summary>A checkpoint that counts.</summary>
        public bool IsAccepted { get; set; }
    }
}
