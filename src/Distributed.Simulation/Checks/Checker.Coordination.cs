using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Storage;

namespace Distributed.Simulation.Checks;

/// <summary>
/// That one coordinator acts at a time, and that what is said to be safe is safe.
/// </summary>
internal sealed partial class Checker
{
    private readonly Dictionary<long, int> lifeOfTerm = [];
    private readonly Dictionary<ulong, int> announced = [];
    private readonly Dictionary<(ulong Job, ulong Incarnation), List<ReportSent>> reports = [];
    private readonly HashSet<ulong> accepted = [];
    private readonly HashSet<ulong> stopped = [];

    public void OnTermBegins(ProcessLife life, long term)
    {
        Note($"term {term} begins with {life.Machine.Name}/{life.Number}");
        Expect(
            lifeOfTerm.TryAdd(term, life.Number), "terms",
            $"{life.Machine.Name} is given term {term}, which another had before");
    }

    public void OnStopWanted(ulong job) => stopped.Add(job);

    public void OnWorkerTells(WorkerIdentity worker, WorkerMessage message)
    {
        if (Log is not null && message is not Heartbeat)
            Note($"{worker.Name}/{worker.Incarnation:x16} tells {message}");
        if (message is WorkReported { State: { Phase: WorkPhase.Preparing } state })
        {
            // It was released and taken on again: what it had not told yet was of no use.
            reports.Remove((state.Job, worker.Incarnation));
        }

        if (message is not ReportSent report)
            return;
        (ulong, ulong) key = (report.Report.Job, worker.Incarnation);
        if (!reports.TryGetValue(key, out List<ReportSent>? sent))
            reports.Add(key, sent = []);
        if (sent.Count == 0 || sent[^1].Sequence < report.Sequence)
            sent.Add(report);
    }

    public void OnCoordinatorTells(
        ProcessLife life, long term, ulong incarnation, CoordinatorMessage message)
    {
        if (Log is not null && message is not HeartbeatAnswer)
            Note($"{life.Machine.Name}/{life.Number} tells {incarnation:x16} {message}");
        if (message is not (Welcome or Ordered or ReportsRecorded))
            return;
        Expect(
            lifeOfTerm.GetValueOrDefault(term) == life.Number && term == World.Store.Lease.Term,
            "terms",
            $"{life.Machine.Name} sends {message} in term {term}, but term "
            + $"{World.Store.Lease.Term} has begun");
        if (message is Ordered { Order: FormGeneration form })
            OnAnnounced(incarnation, form);
        else if (message is ReportsRecorded recorded)
            OnReportsRecorded(incarnation, recorded);
    }

    public void OnAppended(
        ProcessLife life, long term, long currentTerm, StoredJob? known, JobDecision decision)
    {
        if (Log is not null)
            Note($"stored by {life.Machine.Name}/{life.Number} in term {term}: {decision}");
        Expect(
            term == currentTerm && lifeOfTerm.GetValueOrDefault(term) == life.Number, "terms",
            $"{life.Machine.Name} stored {decision.GetType().Name} in term {term}, but term "
            + $"{currentTerm} has begun");
        if (known is null)
        {
            Expect(
                decision is JobSubmitted, "decisions",
                $"{decision} is stored before its job was");
            return;
        }

        switch (decision)
        {
            case GenerationDecided { Generation: var next }:
                OnDecided(known, next);
                break;
            case CheckpointRecorded saved:
                ExpectCheckpoint(known.Description, saved.Step, saved.Path);
                break;
            case ReturnedToCheckpoint returned when returned.Generation > known.ReturnedFrom:
                OnReturned(known, returned);
                break;
            case JobConcluded concluded:
                OnConcluded(known, concluded.Outcome);
                break;
        }
    }

    private void OnReturned(StoredJob known, ReturnedToCheckpoint returned)
    {
        RunProgress run = runs[World.RunSeedOf(known.Description)];
        Expect(
            run.MayBeWrong, "consensus", $"{returned} is decided though nothing was corrupted");
        Expect(
            returned.Step == known.CheckpointStep, "lost",
            $"{returned} is decided, but step {known.CheckpointStep} is saved");
        run.IsTainted = false;
        run.IsReturning = true;
        foreach (ulong incarnation in returned.Ejected)
            World.Faults.OnEjected(incarnation);
    }

    private void OnDecided(StoredJob known, Generation next)
    {
        RunProgress run = runs[World.RunSeedOf(known.Description)];
        if (run.IsReturning && next.Number > known.ReturnedFrom)
        {
            run.IsReturning = false;
            RunLog log = World.Disk.LogOf(known.Description.RunFolder);
            Expect(
                log.LastStep == known.CheckpointStep && next.Start.Step == log.LastStep,
                "metrics", $"generation {next.Number} starts after step {next.Start.Step}, and "
                + $"the record ends at step {log.LastStep}, though the job has returned to step "
                + $"{known.CheckpointStep}");
        }

        Expect(
            known.Generation is not { } last || next.Number > last.Number || IsSame(next, last),
            "generations",
            $"generation {next.Number} is decided after {known.Generation?.Number}");
        bool isRepeated = known.Generation is { } same && same.Number == next.Number;
        Expect(
            known.PauseReason is null || known.StopReason is not null || isRepeated, "pauses",
            $"generation {next.Number} is decided though the job is paused: {known.PauseReason}");
        Expect(
            next.Ranks.Count <= known.Description.WorkerCount || isRepeated, "scales",
            $"generation {next.Number} has {next.Ranks.Count} ranks, but the job asks for "
            + $"{known.Description.WorkerCount} workers");
        // A repeated call may come after the next checkpoint.
        Expect(
            next.Start.Step >= known.CheckpointStep || known.Generation?.Number == next.Number,
            "lost", $"generation {next.Number} starts after step {next.Start.Step}, but step "
            + $"{known.CheckpointStep} is saved");
    }

    /// <summary>A coordinator tells a watcher something.</summary>
    public void OnTold(ulong job, object message)
    {
        StoredJob? stored = World.Store.Find(job);
        if (Log is not null && message is not StepCommitted)
            Note($"the watcher of {job:x16} is told {message}");
        switch (message)
        {
            case JobAccepted:
                accepted.Add(job);
                Expect(stored is not null, "lost", $"job {job:x16} is accepted but not stored");
                break;
            case RunCompleted or RunInterrupted or RunFailed:
                Expect(
                    Equals(stored?.Outcome, message), "lost",
                    $"job {job:x16} is told to have ended with {message}, but the store has "
                    + $"{stored?.Outcome}");
                break;
            case CheckpointSaved saved when stored is not null:
                ExpectCheckpoint(stored.Description, saved.Step, saved.Path);
                break;
        }
    }

    /// <summary>At the end: what was accepted is still known.</summary>
    public void OnEnd()
    {
        foreach (ulong job in accepted)
        {
            Expect(
                World.Store.Find(job) is not null, "lost",
                $"job {job:x16} was accepted and is not in the store");
        }
    }

    private void OnAnnounced(ulong incarnation, FormGeneration form)
    {
        Generation generation = form.Generation;
        Generation? stored = World.Store.Find(form.Job)?.Generation;
        Expect(
            stored is not null && IsSame(stored, generation), "generations",
            $"generation {generation.Number} is announced but generation {stored?.Number} is "
            + $"stored");
        Expect(
            generation.RankOf(incarnation) == form.Rank, "generations",
            $"{incarnation:x16} is told to be rank {form.Rank} of generation "
            + $"{generation.Number} and is not");
        int newest = announced.GetValueOrDefault(form.Job);
        Expect(
            generation.Number >= newest, "generations",
            $"generation {generation.Number} is announced after {newest}");
        announced[form.Job] = generation.Number;
    }

    private void OnReportsRecorded(ulong incarnation, ReportsRecorded recorded)
    {
        if (!reports.TryGetValue((recorded.Job, incarnation), out List<ReportSent>? sent)
            || World.Store.Find(recorded.Job) is not { } stored)
            return;
        RunLog log = World.Disk.LogOf(stored.Description.RunFolder);
        int count = 0;
        while (count < sent.Count && sent[count].Sequence <= recorded.Sequence)
        {
            bool isSafe = sent[count].Report switch
            {
                StepsCommitted steps => log.LastStep >= steps.Steps[^1].Step
                    && log.SequenceOf(incarnation) >= sent[count].Sequence,
                EpochEvaluated evaluated => log.Epochs.Count >= evaluated.Epoch,
                // One that was not agreed about in its own generation never counts.
                CheckpointWritten written => stored.CheckpointStep >= written.Step
                    || written.Generation < stored.Generation?.Number,
                _ => true,
            };
            Expect(
                isSafe, "lost",
                $"report {sent[count].Sequence} of {incarnation:x16} is confirmed but not on "
                + $"record: {sent[count].Report}, after step {log.LastStep}");
            count++;
        }

        sent.RemoveRange(0, count);
    }

    private void OnConcluded(StoredJob known, RunEvent outcome)
    {
        Expect(
            known.Outcome is null || known.Outcome == outcome, "outcomes",
            $"job {known.Job:x16} ends with {outcome} after {known.Outcome}");
        JobDescription job = known.Description;
        RunProgress run = runs[World.RunSeedOf(job)];
        switch (outcome)
        {
            case RunCompleted completed:
                string sha256 = run.Reference.StateAt(job.Schedule.StepsTotal).ParameterHash
                    .ToString("x16", System.Globalization.CultureInfo.InvariantCulture);
                RunLog log = World.Disk.LogOf(job.RunFolder);
                bool isRight = completed.ParametersSha256 == sha256
                    && log.FirstWrongStep == long.MaxValue;
                Expect(
                    job.Schedule.StopAfterStep == 0, "outcomes",
                    $"job {known.Job:x16} is complete but was to stop after step "
                    + $"{job.Schedule.StopAfterStep}");
                Expect(
                    completed.Steps == job.Schedule.StepsTotal
                        && log.LastStep == completed.Steps && (isRight || run.HasEscaped),
                    "outcomes", $"{completed} should have parameters {sha256} and all steps; the "
                    + $"record is wrong from step {log.FirstWrongStep} on");
                break;
            case RunInterrupted interrupted:
                OnInterrupted(known, interrupted);
                ExpectCheckpoint(job, known.CheckpointStep, known.CheckpointPath);
                Expect(
                    known.CheckpointStep == interrupted.Step, "outcomes",
                    $"{interrupted} but step {known.CheckpointStep} is saved");
                break;
            case RunFailed failed:
                Expect(
                    failed.ExitCode == ExitCodes.NotEnoughWorkers || World.MayFail(failed)
                        || (failed.ExitCode == ExitCodes.NumericsDiverged && run.MayBeWrong),
                    "outcomes", $"job {known.Job:x16} fails: {failed.Message}");
                break;
        }

        run.IsTainted = false;
    }

    /// <summary>Somebody stopped it, or it was to stop by itself, at that very step.</summary>
    private void OnInterrupted(StoredJob known, RunInterrupted interrupted)
    {
        JobDescription job = known.Description;
        long stopAfter = job.Schedule.StopAfterStep;
        Expect(
            stopAfter == 0 || interrupted.Step <= stopAfter, "outcomes",
            $"{interrupted}, though the job was to stop after step {stopAfter}");
        Expect(
            interrupted.Step == stopAfter
                || (known.StopReason is not null && MayBeStopped(known.Job)),
            "outcomes", $"job {known.Job:x16} is interrupted after step {interrupted.Step} but "
            + $"nobody stopped it, and it was to stop after step {stopAfter}");
        EpochCompleted? last = interrupted.LastEpoch;
        EpochCompleted? recorded = World.Disk.LogOf(job.RunFolder).Epochs
            .LastOrDefault(epoch => epoch.Step <= interrupted.Step);
        Expect(
            last == recorded, "outcomes",
            $"{interrupted} tells of {last}, but on record is {recorded}");
        Expect(
            stopAfter == 0 || interrupted.Step < stopAfter || runs[World.RunSeedOf(job)].MayBeWrong
                || (last?.Epoch ?? 0) == job.Schedule.EpochsDue(stopAfter),
            "outcomes", $"{interrupted} tells of {last}, but "
            + $"{job.Schedule.EpochsDue(stopAfter)} epochs have ended");
    }

    private static bool IsSame(Generation left, Generation right)
    {
        if (left.Number != right.Number || left.Start != right.Start
            || left.Ranks.Count != right.Ranks.Count)
            return false;
        for (int rank = 0; rank < left.Ranks.Count; rank++)
        {
            if (left.Ranks[rank].Worker.Incarnation != right.Ranks[rank].Worker.Incarnation
                || left.Ranks[rank].Shards != right.Ranks[rank].Shards)
                return false;
        }

        return true;
    }
}
