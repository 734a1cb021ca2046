using Distributed.Cluster.Coordination;
using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// What a person wants of the job. What lasts is answered once it is in the store; until then
/// nothing is decided about the membership, which may hang on it.
/// </summary>
internal sealed partial class JobActor
{
    private readonly Queue<AwaitedOrder> awaiting = [];
    private readonly List<IActorRef> stopAskers = [];

    /// <summary>A checkpoint of that step or a later one was asked for; null where none
    /// is.</summary>
    private long? saveFromStep;

    private void OnOrder(ClusterOrder order, IActorContext context)
    {
        if (outcome is not null || job.StopReason is not null)
        {
            context.Reply(new ClusterOrderReply(
                false, $"job {description.Name} is ending: expected one that goes on"));
            return;
        }

        switch (order)
        {
            case PauseJob pause:
                Pause(pause, context);
                break;
            case ResumeJob:
                Resume(context);
                break;
            case ScaleJob scale:
                Scale(scale, context);
                break;
            case CheckpointJob:
                Checkpoint(context);
                break;
        }
    }

    private void Pause(PauseJob pause, IActorContext context)
    {
        if (job.PauseReason is { } since && !awaiting.Any(order => order.Decision is JobResumed))
        {
            context.Reply(new ClusterOrderReply(
                true, $"job {description.Name} is paused already: {since}"));
            return;
        }

        string reason = pause.Reason.Length > 0 ? pause.Reason : "no reason was given";
        Take(
            new JobPaused(Number, reason),
            $"job {description.Name} pauses: all its ranks stop after the same step", context);
    }

    private void Resume(IActorContext context)
    {
        if (job.PauseReason is null && !awaiting.Any(order => order.Decision is JobPaused))
        {
            context.Reply(new ClusterOrderReply(
                true, $"job {description.Name} is not paused: there is nothing to resume"));
            return;
        }

        Take(new JobResumed(Number), $"job {description.Name} goes on", context);
    }

    private void Scale(ScaleJob scale, IActorContext context)
    {
        if (scale.Workers < 1)
        {
            context.Reply(new ClusterOrderReply(
                false, $"a job cannot run on {scale.Workers} workers: expected 1 or more"));
            return;
        }

        int spares = scale.Workers - description.LogicalShards;
        Take(
            new JobScaled(Number, scale.Workers),
            $"job {description.Name} asks for {scale.Workers} workers now"
            + (spares > 0
                ? $"; its {description.LogicalShards} logical shards occupy as many, the other "
                    + $"{spares} are hot spares"
                : ""),
            context);
    }

    private void Checkpoint(IActorContext context)
    {
        if (Current is null)
        {
            context.Reply(new ClusterOrderReply(
                false, $"job {description.Name} has not begun: there is nothing to save yet"));
            return;
        }

        saveFromStep = Math.Max(ledger.LastStep, job.CheckpointStep);
        context.Reply(new ClusterOrderReply(
            true,
            job.PauseReason is null
                ? $"job {description.Name} saves a checkpoint at the next step that its ranks "
                    + "agree on"
                : $"job {description.Name} is paused: its state is saved as it stands, unless it "
                    + "is already"));
        OrderCheckpoint();
        Regroup(context);
    }

    /// <summary>The vote of one rank is enough: a second one that comes later would have the job
    /// save twice.</summary>
    private void OrderCheckpoint()
    {
        if (saveFromStep is not null && Current is { } generation
            && workers.TryGetValue(generation.Ranks[0].Worker.Incarnation, out JobWorker? first))
            first.Order(new CheckpointWork(Number));
    }

    private void Take(JobDecision decision, string message, IActorContext context)
    {
        awaiting.Enqueue(new AwaitedOrder(decision, message, context.Sender));
        Append(decision, context);
    }

    private void AnswerOrder(JobDecision durable)
    {
        if (!awaiting.TryPeek(out AwaitedOrder? order)
            || !ReferenceEquals(order.Decision, durable))
            return;
        awaiting.Dequeue();
        order.Asker?.Tell(new ClusterOrderReply(true, order.Message));
    }

    private void OnStop(StopJob stop, IActorContext context)
    {
        if (job.StopReason is not null || outcome is not null)
        {
            context.Reply(new StopJobReply(true));
            return;
        }

        if (context.Sender is { } asker)
            stopAskers.Add(asker);
        if (!appending.Any(decision => decision is StopRequested))
            Append(new StopRequested(Number, stop.Reason), context);
    }

    private void AnswerStop()
    {
        foreach (IActorRef asker in stopAskers)
            asker.Tell(new StopJobReply(true));
        stopAskers.Clear();
    }

    /// <summary>Whoever waits for an answer asks the next coordinator.</summary>
    private void ForgetOrders()
    {
        var standsBy = new CoordinatorStandsBy("");
        while (awaiting.TryDequeue(out AwaitedOrder? order))
            order.Asker?.Tell(standsBy);
        foreach (IActorRef asker in stopAskers)
            asker.Tell(standsBy);
        stopAskers.Clear();
    }

    private void OnResumed(IActorContext context)
    {
        Tell(new Notice($"job {description.Name} was resumed"));
        toldWaiting = "";
        NoteChange("the job was resumed", context);
        if (Current is null)
            context.StartTimer(Timers.Gather, settings.WorkersDeadline, Timers.Gather);
        Regroup(context);
    }

    private void OnScaled(JobScaled scaled, IActorContext context)
    {
        Tell(new Notice($"job {description.Name} asks for {scaled.Workers} workers now"));
        context.Parent!.Tell(new WorkersWanted(Number, scaled.Workers));
        if (Current is null)
            context.StartTimer(Timers.Gather, settings.WorkersDeadline, Timers.Gather);
        Regroup(context);
    }

    /// <summary>All that could run has halted: what a pause has to tell and to save.</summary>
    private void StandStill(string reason, IActorContext context)
    {
        JobWorker? holder = workers.Values.Where(
            worker => worker.State is { Phase: WorkPhase.Halted })
            .MaxBy(worker => worker.State!.Step);
        if (saveFromStep is not null && !IsSaving && (holder is null || !SaveFirst(holder)))
            saveFromStep = null;
        if (toldWaiting == reason)
            return;
        toldWaiting = reason;
        context.Log.Info($"job {description.Name} stands still, {reason}");
        Tell(new Notice(
            $"{reason}; the job stands still after step "
            + $"{holder?.State!.Step ?? job.CheckpointStep} and goes on when it is resumed"));
    }

    private string PauseState() => Current is null || haltingTo > 0
        ? $"paused: {job.PauseReason}"
        : $"pausing: {job.PauseReason}";

    /// <summary>An order that is on its way into the store.</summary>
    private sealed record AwaitedOrder(JobDecision Decision, string Message, IActorRef? Asker);
}
