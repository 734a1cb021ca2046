using Distributed.Cluster.Coordination;
using Distributed.Cluster.Observers;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>How the job's workers come, go and are put into generations.</summary>
internal sealed partial class JobActor
{
    /// <summary>A speed is trusted after that many steps of a generation.</summary>
    private const int StepsBeforeRebalancing = 20;

    /// <summary>Shards are not moved more often than that.</summary>
    private static readonly TimeSpan RebalancePause = TimeSpan.FromSeconds(10);

    /// <summary>After so many generations without a step the next ones wait for longer and
    /// longer.</summary>
    private const int FruitlessMax = 3;

    private static readonly TimeSpan PauseFirst = TimeSpan.FromMilliseconds(100);

    /// <summary>A worker that failed alone so often is not tried again.</summary>
    private const int FailuresMax = 3;

    private readonly SortedDictionary<ulong, string> losses = [];
    private bool isReturning;
    private int haltingTo;
    private bool isHaltLate;
    private bool isYielding;
    private bool isYieldLate;
    private bool wasInterrupted;
    private string changeReason = "";
    private string waitsFor = "";
    private string toldWaiting = "";
    private JobStatus? toldStatus;
    private GenerationDecided? forming;
    private bool isFormingStored;
    private long noticedNs;
    private DateTimeOffset noticedUtc;
    private long announcedNs;
    private long joinedNs;
    private bool awaitsFirstStep;
    private (ulong Incarnation, long Step) saveOrdered;
    private long formingMark;
    private ulong suspect;
    private int brokenInARow;
    private int fruitless;
    private int pausedAfter;

    private void OnAssigned(WorkerAssigned assigned, IActorContext context)
    {
        ulong incarnation = assigned.Worker.Incarnation;
        if (workers.TryGetValue(incarnation, out JobWorker? known))
        {
            known.Link = assigned.Link;
        }
        else
        {
            var worker = new JobWorker(assigned.Worker, assigned.Link);
            workers.Add(incarnation, worker);
            if (!assigned.IsReturning)
                Prepare(worker);
        }

        Regroup(context);
    }

    private void Prepare(JobWorker worker)
    {
        worker.State = null;
        worker.Order(new PrepareJob(
            Number, job.Description, job.CheckpointStep, job.CheckpointPath, job.Returns));
    }

    private void OnLost(WorkerLost lost, IActorContext context)
    {
        if (!workers.Remove(lost.Incarnation, out JobWorker? worker))
            return;
        if (outcome is not null)
            return;
        bool hasRank = Current?.RankOf(lost.Incarnation) >= 0;
        Tell(new Notice(
            $"worker {worker.Identity.Name} (process {worker.Identity.ProcessId}, "
            + $"{worker.Identity.DataAddress}) "
            + (hasRank ? $"was lost near step {ledger.LastStep}" : "left")
            + $": {lost.Reason}"));
        if (hasRank)
            losses[lost.Incarnation] = lost.Reason;
        Regroup(context);
    }

    private void OnState(JobWorker worker, WorkState state, IActorContext context)
    {
        if (state.Returns < job.Returns)
        {
            if (!worker.IsRehired && outcome is null)
                Rehire(worker);
            return;
        }

        worker.IsRehired = false;
        // A failure is told again with every order to halt.
        bool isKnown = worker.State is { Phase: WorkPhase.Failed };
        worker.State = state;
        if (outcome is not null || divergence is not null)
            return;
        if (state.Phase == WorkPhase.Failed && !isKnown)
            OnWorkerFailed(worker, state, context);
        else if (state.Phase == WorkPhase.Broken)
            NoteBroken(worker, state);
        else if (state.Phase == WorkPhase.Running)
            OnRunning(worker, context);
        if (state.Phase != WorkPhase.Failed && haltingTo > state.Generation)
            worker.Order(new HaltJob(Number, haltingTo, changeReason));
        if (isReturning && HaveAllReturned())
        {
            isReturning = false;
            context.Publish(new GenerationObserved(
                Current!, "the coordinator has changed, and all its workers have come back"));
        }

        FinishWhenThrough(context);
        Regroup(context);
    }

    private bool HaveAllReturned()
    {
        foreach (RankAssignment member in Current!.Ranks)
        {
            if (!workers.TryGetValue(member.Worker.Incarnation, out JobWorker? worker)
                || worker.State is null)
                return false;
        }

        return true;
    }

    /// <summary>
    /// The job's own fault ends the job. Another's leaves the worker out, as long as there are
    /// others.
    /// </summary>
    private void OnWorkerFailed(JobWorker worker, WorkState state, IActorContext context)
    {
        WorkFailure failure = state.Failure!;
        string message = $"worker {worker.Identity.Name}: {failure.Message}";
        bool wasMember = Current?.RankOf(worker.Identity.Incarnation) >= 0;
        bool isAlone = !workers.Values.Any(
            other => other != worker && other.State is { Phase: not WorkPhase.Failed });
        if (isAlone || (failure.Blame == Blame.Job && (wasMember || Current is null)))
        {
            string culprit = failure.Blame == Blame.Worker ? worker.Identity.Name : "";
            Conclude(
                new RunFailed(failure.ExitCode, message, culprit, failure.IsDiskFull), context);
            return;
        }

        worker.FailureCount++;
        if (worker.FailureCount >= FailuresMax)
        {
            Spare(worker, $"it failed {FailuresMax} times, last with: {failure.Message}", context);
            return;
        }

        Bench(worker, failure.Message, context);
    }

    private void Bench(JobWorker worker, string reason, IActorContext context)
    {
        worker.BenchedUntilNs = context.NowNs + (long)settings.BenchTime.TotalNanoseconds;
        context.StartTimer(
            (Timers.Bench, worker.Identity.Incarnation), settings.BenchTime, Timers.Bench);
        Tell(new Notice(
            $"worker {worker.Identity.Name} is left out for "
            + $"{settings.BenchTime.TotalSeconds:0} s: {reason}"));
    }

    private void PrepareFailedAgain(IActorContext context)
    {
        foreach (JobWorker worker in workers.Values)
        {
            if (worker.State is { Phase: WorkPhase.Failed }
                && context.NowNs >= worker.BenchedUntilNs)
                Prepare(worker);
        }
    }

    private void Spare(
        JobWorker worker, string reason, IActorContext context, bool mayReturn = false)
    {
        workers.Remove(worker.Identity.Incarnation);
        worker.Order(new ReleaseJob(Number, reason));
        Tell(new Notice($"worker {worker.Identity.Name} leaves the job: {reason}"));
        context.Parent!.Tell(
            new WorkerSpared(Number, worker.Identity.Incarnation, reason, mayReturn));
    }

    /// <summary>
    /// Workers that came back after others had taken their places are free for other jobs.
    /// </summary>
    private void ReleaseSurplus(IActorContext context)
    {
        int surplus = workers.Count - job.Description.WorkerCount;
        if (surplus <= 0 || Current is null || forming is not null || haltingTo > 0
            || awaitsFirstStep)
            return;
        foreach (JobWorker worker in workers.Values.Reverse().ToList())
        {
            // Its state comes after its reports: none of them is on its way any more.
            bool isQuiet = worker.State is
            {
                Phase: WorkPhase.Halted or WorkPhase.Yielded
                or WorkPhase.Finished or WorkPhase.Broken or WorkPhase.Failed
            };
            if (surplus > 0 && isQuiet && Current.RankOf(worker.Identity.Incarnation) < 0)
            {
                surplus--;
                Spare(
                    worker, "the job has as many workers as it asked for", context,
                    mayReturn: true);
            }
        }
    }

    /// <summary>
    /// Two workers that lose each other again and again while both reach the coordinator would
    /// regroup for ever: the one that is blamed twice in a row is left out for a while.
    /// </summary>
    private void NoteBroken(JobWorker worker, WorkState state)
    {
        if (Current is not { } generation || state.Generation != generation.Number)
            return;
        int peer = state.Failure!.PeerRank;
        // Who could not copy the state blames the worker that was to give it.
        ulong blamed = peer >= 0 && peer < generation.Ranks.Count
            ? generation.Ranks[peer].Worker.Incarnation
            : SourceOf(generation);
        // Of two that blame each other, the first to say so is believed.
        bool isAnswer = suspect == worker.Identity.Incarnation;
        if (blamed != 0 && !isAnswer)
            suspect = blamed;
    }

    private ulong SourceOf(Generation generation)
    {
        foreach (JobWorker worker in workers.Values)
        {
            if (worker.Identity.DataAddress == generation.Start.SourceAddress)
                return worker.Identity.Incarnation;
        }

        return 0;
    }

    private void OnRunning(JobWorker running, IActorContext context)
    {
        if (job.StopReason is not null)
            running.Order(new StopWork(Number, job.StopReason));
        if (isYielding)
            running.Order(new YieldWork(Number, Current!.Number, changeReason));
        if (Current?.RankOf(running.Identity.Incarnation) == 0)
            OrderCheckpoint();
        if (!awaitsFirstStep || joinedNs != 0 || Current is null)
            return;
        foreach (RankAssignment member in Current.Ranks)
        {
            if (!workers.TryGetValue(member.Worker.Incarnation, out JobWorker? worker)
                || worker.State is not { Phase: WorkPhase.Running } state
                || state.Generation != Current.Number)
                return;
        }

        joinedNs = context.NowNs;
        ReleaseLeavers(context);
    }

    private void OnFirstStep(long step, IActorContext context)
    {
        if (!awaitsFirstStep || Current is null || step <= Current.Start.Step)
            return;
        awaitsFirstStep = false;
        brokenInARow = 0;
        fruitless = 0;
        if (Current.Number == 1)
            return;
        long joined = joinedNs == 0 ? context.NowNs : joinedNs;
        Tell(new GenerationRunning(
            Current.Number, step, noticedUtc,
            Milliseconds(Math.Max(0, announcedNs - noticedNs)),
            Milliseconds(joined - announcedNs), Milliseconds(context.NowNs - joined)));
    }

    private void OnGatherDeadline(IActorContext context)
    {
        if (Current is not null || job.PauseReason is not null
            || workers.Count >= job.Description.WorkerCount)
            return;
        Conclude(
            new RunFailed(
                ExitCodes.NotEnoughWorkers,
                $"the job asks for {job.Description.WorkerCount} workers, but {workers.Count} came "
                + $"within {settings.WorkersDeadline.TotalSeconds:0} s; start more workers or ask "
                + "for fewer with --workers"),
            context);
    }

    private void Regroup(IActorContext context)
    {
        if (!isOpen || outcome is not null || forming is not null || divergence is not null
            || awaiting.Count > 0)
            return;
        if (StopWhileWaiting(context))
            return;
        RegroupDecision decision = Regrouping.Decide(View(context));
        waitsFor = decision.Action is RegroupAction.WaitForWorkers
            ? $"waiting: {decision.Reason}"
            : decision.Action is RegroupAction.Pause ? decision.Reason
            : "";
        switch (decision.Action)
        {
            case RegroupAction.WaitForWorkers:
                WaitForWorkers(decision.Reason, context);
                break;
            case RegroupAction.Pause:
                StandStill(decision.Reason, context);
                break;
            case RegroupAction.Yield:
                NoteChange(decision.Reason, context);
                isYielding = true;
                isYieldLate = false;
                context.StartTimer(Timers.Yield, settings.YieldDeadline, Timers.Yield);
                TellRanks(new YieldWork(Number, Current!.Number, decision.Reason));
                break;
            case RegroupAction.Halt halt when !MustPause(context):
                Halt(halt.Number, decision.Reason, context);
                break;
            case RegroupAction.Form form:
                Form(form, context);
                break;
        }

        ReleaseLeavers(context);
        ReleaseSurplus(context);
    }

    /// <summary>
    /// Whatever it is that breaks one generation after the other before its first step: trying
    /// again at once, for ever, would help nobody.
    /// </summary>
    private bool MustPause(IActorContext context)
    {
        if (haltingTo != 0 || fruitless < FruitlessMax || Current is null)
            return false;
        if (pausedAfter == Current.Number)
            return context.IsTimerActive(Timers.Pause);
        pausedAfter = Current.Number;
        TimeSpan pause = PauseFirst * (1 << Math.Min(fruitless - FruitlessMax, 6));
        context.StartTimer(Timers.Pause, pause, Timers.Pause);
        return true;
    }

    private RegroupView View(IActorContext context)
    {
        int wanted = job.Description.WorkerCount;
        int ranksMax = Math.Min(wanted, description.LogicalShards);
        var view = new List<RegroupWorker>(workers.Count);
        foreach (JobWorker worker in workers.Values)
        {
            view.Add(new RegroupWorker(
                worker.Identity.Incarnation, worker.Identity.Name, worker.Identity.Host,
                worker.State, worker.IsLeaving || worker.DrainReason is not null,
                context.NowNs < worker.BenchedUntilNs));
        }

        // Shorter names first puts w2 before w10, as people count.
        view.Sort((left, right) => (left.Name.Length, left.Name, left.Incarnation).CompareTo(
            (right.Name.Length, right.Name, right.Incarnation)));
        return new RegroupView(
            Current, haltingTo, isYielding, ranksMax, wanted,
            Math.Min(Math.Max(description.MinWorkers, settings.WorkersMin), ranksMax), view,
            isHaltLate, isYieldLate, isReturning,
            Imbalance(context.NowNs), job.IsVoid)
        {
            // A paused job that is to stop does so as any other does.
            PauseReason = job.StopReason is null ? job.PauseReason : null,
            Losses = losses,
        };
    }

    private string? Imbalance(long nowNs)
    {
        if (Current is null || Current.Ranks.Count < 2
            || nowNs - announcedNs < (long)RebalancePause.TotalNanoseconds)
            return null;
        var seconds = new double[Current.Ranks.Count];
        for (int rank = 0; rank < seconds.Length; rank++)
        {
            if (!workers.TryGetValue(
                    Current.Ranks[rank].Worker.Incarnation, out JobWorker? worker)
                || worker.StepsMeasured < StepsBeforeRebalancing)
                return null;
            seconds[rank] = worker.SecondsPerShard;
        }

        return ShardBalance.Imbalance(
            Current, description.LogicalShards, seconds, settings.RebalanceGain);
    }

    private void WaitForWorkers(string reason, IActorContext context)
    {
        if (toldWaiting == reason)
            return;
        toldWaiting = reason;
        context.Log.Info($"job {description.Name} waits: {reason}");
        Tell(new Notice($"waiting for workers: {reason}; the job goes on when more have come"));
    }

    private void NoteChange(string reason, IActorContext context)
    {
        noticedNs = context.NowNs;
        noticedUtc = context.UtcNow;
        changeReason = reason;
    }

    private void Halt(int number, string reason, IActorContext context)
    {
        if (haltingTo == 0 && !isYielding)
            NoteChange(reason, context);
        else if (haltingTo == 0)
            changeReason = reason;
        wasInterrupted = haltingTo == 0
            ? workers.Values.Any(
                worker => worker.State?.Phase is WorkPhase.Running or WorkPhase.Broken)
            : wasInterrupted;
        context.Log.Info($"job {description.Name} regroups to generation {number}: {reason}");
        BenchSuspect(context);
        haltingTo = number;
        isYielding = false;
        isHaltLate = false;
        context.CancelTimer(Timers.Yield);
        context.StartTimer(Timers.Halt, settings.HaltDeadline, Timers.Halt);
        foreach (JobWorker worker in workers.Values)
            worker.Order(new HaltJob(Number, number, reason));
    }

    private void BenchSuspect(IActorContext context)
    {
        if (suspect == 0 || !awaitsFirstStep)
            brokenInARow = 0;
        else if (workers.TryGetValue(suspect, out JobWorker? worker) && ++brokenInARow >= 2)
            Bench(worker, "its peers lose it again and again", context);
        suspect = 0;
    }

    private void Form(RegroupAction.Form form, IActorContext context)
    {
        if (!job.IsVoid && consensus.JudgeIncomplete() is { } found)
        {
            Diverge(found, context);
            return;
        }

        if (form.Step < newestSaved && IsSaving)
        {
            // A newer state is on its way into the store: this is decided again when it is there.
            return;
        }

        if (form.Step < job.CheckpointStep)
        {
            PrepareAnew(form.Members);
            return;
        }

        string[] numerics = [.. form.Members.Select(member => member.State!.Numerics)];
        string? mismatch = Numerics.Mismatch(
            job.Numerics, numerics, [.. form.Members.Select(member => member.Name)]);
        if (mismatch is not null && Current is null)
        {
            Conclude(new RunFailed(ExitCodes.OperatingError, mismatch), context);
            return;
        }

        if (mismatch is not null)
        {
            RegroupWorker other = form.Members.First(
                member => member.State!.Numerics != job.Numerics);
            Spare(workers[other.Incarnation], mismatch, context);
            Regroup(context);
            return;
        }

        context.CancelTimer(Timers.Halt);
        waitsFor = toldWaiting = "";
        long redone = Math.Max(0, ledger.LastStep - form.Step) + (wasInterrupted ? 1 : 0);
        forming = new GenerationDecided(
            Number, Plan(form), numerics[0],
            Current is null ? job.StepsRedone : job.StepsRedone + redone, changeReason);
        isFormingStored = false;
        ledger.Commit();
        formingMark = ledger.LastMark;
        Append(forming, context);
    }

    /// <summary>
    /// All who held a later state are gone, but a checkpoint of it is not: who is left takes that.
    /// </summary>
    private void PrepareAnew(IReadOnlyList<RegroupWorker> members)
    {
        foreach (RegroupWorker member in members)
        {
            JobWorker worker = workers[member.Incarnation];
            worker.Order(new ReleaseJob(
                Number, $"its state is older than the checkpoint of step {job.CheckpointStep}"));
            Prepare(worker);
        }
    }

    private Generation Plan(RegroupAction.Form form)
    {
        var identities = form.Members.Select(
            member => workers[member.Incarnation].Identity).ToArray();
        ShardMap map = Spread([.. identities.Select(
            identity => workers[identity.Incarnation].SecondsPerShard)]);
        var ranks = new List<RankAssignment>();
        for (int rank = 0; rank < identities.Length; rank++)
            ranks.Add(new RankAssignment(rank, identities[rank], map.Ranges[rank]));
        StepSchedule schedule = description.Schedule;
        // An epoch that ended earlier cannot be evaluated any more: its state is gone.
        int due = schedule.EpochsDue(form.Step);
        bool isAtItsEnd = form.Step > 0 && (form.Step % schedule.StepsPerEpoch == 0
            || form.Step == schedule.StepsTotal);
        var start = new StartPoint(
            form.Step, Math.Max(ledger.EpochsEvaluated, isAtItsEnd ? due - 1 : due),
            job.CheckpointStep, workers[form.Source.Incarnation].Identity.DataAddress);
        return new Generation(Number, form.Number, ranks, start);
    }

    /// <summary>Evenly, as long as the ranks are about equally fast or not yet known.</summary>
    private ShardMap Spread(double[] secondsPerShard)
    {
        int shards = description.LogicalShards;
        double known = secondsPerShard.Where(seconds => seconds > 0).DefaultIfEmpty(1).Average();
        for (int rank = 0; rank < secondsPerShard.Length; rank++)
        {
            if (secondsPerShard[rank] == 0)
                secondsPerShard[rank] = known;
        }

        ShardMap even = ShardMap.Even(shards, secondsPerShard.Length);
        ShardMap better = ShardBalance.Spread(shards, secondsPerShard);
        double evenly = Slowest(even, secondsPerShard);
        double gain = (evenly - Slowest(better, secondsPerShard)) / evenly;
        return settings.RebalanceGain > 0 && gain >= settings.RebalanceGain ? better : even;
    }

    private static double Slowest(ShardMap map, double[] secondsPerShard) =>
        map.Ranges.Select((range, rank) => range.Count * secondsPerShard[rank]).Max();

    /// <summary>
    /// A generation is told to its workers when it is in the store, and the record is durable up to
    /// its start: those who join later never report what came before.
    /// </summary>
    private void AnnounceWhenDurable(IActorContext context)
    {
        if (forming is null || outcome is not null || divergence is not null)
            return;
        isFormingStored |= job.Generation == forming.Generation;
        if (!isFormingStored || ledger.DurableMark < formingMark)
            return;
        Generation generation = forming.Generation;
        string reason = forming.Reason;
        forming = null;
        haltingTo = 0;
        isReturning = false;
        wasInterrupted = false;
        isHaltLate = isYieldLate = false;
        fruitless += awaitsFirstStep ? 1 : 0;
        awaitsFirstStep = true;
        joinedNs = 0;
        announcedNs = context.NowNs;
        saveOrdered = default;
        losses.Clear();
        consensus.Begin(generation.Number);
        ReleaseSettled();
        recorder.Numerics(job.Numerics);
        context.Publish(new GenerationObserved(generation, reason));
        foreach (RankAssignment member in generation.Ranks)
            Announce(member, generation);
        TellSpares(generation);
        Tell(new GenerationStarted(
            generation.Number, generation.Start.Step,
            [.. generation.Ranks.Select(rank => rank.Worker.Name)], reason));
        if (job.StopReason is not null)
            TellRanks(new StopWork(Number, job.StopReason));
        Regroup(context);
    }

    private void Announce(RankAssignment member, Generation generation)
    {
        if (!workers.TryGetValue(member.Worker.Incarnation, out JobWorker? worker)
            || worker.State is null)
            return;
        // Until the worker says otherwise it is taken to be on its way.
        worker.State = worker.State with { Phase = WorkPhase.Joining };
        worker.BeginMeasuring();
        if (!worker.IsAnnounced)
            TellWorkerUp(worker, member.Rank);
        worker.Order(new FormGeneration(Number, generation, member.Rank));
    }

    private void TellSpares(Generation generation)
    {
        int spares = 0;
        foreach (JobWorker worker in workers.Values)
        {
            if (generation.RankOf(worker.Identity.Incarnation) >= 0)
                continue;
            spares++;
            if (!worker.IsAnnounced && worker.State is { Phase: WorkPhase.Halted })
                TellWorkerUp(worker, rank: -1);
        }

        if (spares > 0 && generation.Number == 1
            && generation.Ranks.Count == description.LogicalShards)
        {
            Tell(new Notice(
                $"{description.LogicalShards} logical shards occupy {generation.Ranks.Count} "
                + $"workers; {spares} more are hot spares (raise --logical-shards to use them)"));
        }
    }

    private void TellWorkerUp(JobWorker worker, int rank)
    {
        worker.IsAnnounced = true;
        Tell(new WorkerUp(
            worker.Identity.Name, worker.Identity.ProcessId, worker.Identity.DataAddress, rank,
            worker.State!.Device));
    }

    /// <summary>All ranks are through: with all steps, or up to a stop.</summary>
    private void FinishWhenThrough(IActorContext context)
    {
        if (Current is null || outcome is not null || forming is not null
            || divergence is not null)
            return;
        WorkState? last = null;
        var votes = new List<ParameterVote>(Current.Ranks.Count);
        foreach (RankAssignment member in Current.Ranks)
        {
            if (!workers.TryGetValue(member.Worker.Incarnation, out JobWorker? worker)
                || worker.State is not { Phase: WorkPhase.Finished } state
                || state.Generation != Current.Number)
                return;
            votes.Add(new ParameterVote(member.Worker, state.Result!.ParametersSha256));
            last = state;
        }

        if (ParameterConsensus.Compare(last!.Step, votes) is { } found)
        {
            Diverge(found, context);
            return;
        }

        consensus.Agree(new HashPoint(last.Step, IsSaved: true));
        AcceptAgreed(context);
        if (IsSaving)
            return;
        // The record may hold later steps, of an earlier generation that is lost.
        WorkResult result = last.Result!;
        Conclude(
            result.Stopped
                ? InterruptedAt(Math.Max(job.CheckpointStep, last.Step))
                : ledger.Summary(
                    result, Current.Number, job.StepsRedone,
                    (context.NowNs - startedNs) / 1e9),
            context);
    }

    /// <summary>
    /// A worker that has asked to go may, once no generation needs it. The last one saves its
    /// state first.
    /// </summary>
    private void ReleaseLeavers(IActorContext context)
    {
        if (forming is not null)
            return;
        foreach (JobWorker worker in workers.Values.ToList())
        {
            if (!worker.IsLeaving && worker.DrainReason is null)
                continue;
            if (waitsFor.Length > 0 && SaveFirst(worker))
                continue;
            bool hasRank = Current?.RankOf(worker.Identity.Incarnation) >= 0;
            bool isSource = Current is not null && awaitsFirstStep && joinedNs == 0
                && Current.Start.SourceAddress == worker.Identity.DataAddress;
            if (waitsFor.Length > 0 || (haltingTo == 0 && !hasRank && !isSource))
            {
                Spare(
                    worker, worker.DrainReason ?? "it was asked to leave", context,
                    mayReturn: !worker.IsLeaving);
            }
        }
    }

    /// <summary>
    /// Has a worker save its state where that is newer than what is saved; true where it is.
    /// </summary>
    private bool SaveFirst(JobWorker worker)
    {
        if (worker.State is not { Phase: WorkPhase.Halted } state
            || state.Step <= job.CheckpointStep)
            return false;
        if (saveOrdered != (worker.Identity.Incarnation, state.Step))
            worker.Order(new SaveWork(Number));
        saveOrdered = (worker.Identity.Incarnation, state.Step);
        return true;
    }

    /// <summary>
    /// A job that is to stop and has too few workers to agree on a step stops where it is, with
    /// what its workers hold saved. True where that is under way.
    /// </summary>
    private bool StopWhileWaiting(IActorContext context)
    {
        if (job.StopReason is null || (Current is not null && waitsFor.Length == 0))
            return false;
        // A checkpoint on its way into the store may be the newest.
        if (IsSaving)
            return true;
        JobWorker? holder = workers.Values.Where(
            worker => worker.State is { Phase: WorkPhase.Halted })
            .MaxBy(worker => worker.State!.Step);
        if (holder is null || !SaveFirst(holder))
            Conclude(InterruptedAt(job.CheckpointStep), context);
        return true;
    }

    private RunInterrupted InterruptedAt(long step) =>
        new(step, description.RunFolder, ledger.LastEpochAt(step));

    private static double Milliseconds(long nanoseconds) => nanoseconds / 1e6;
}
