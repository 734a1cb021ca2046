namespace Distributed.Kernel;

/// <summary>
/// Stops a node in order. Actors register what they have to do with <see cref="AddShutdownTask"/>;
/// <see cref="RunShutdown"/> goes through the phases. The tasks of one phase run side by side, and
/// the next phase begins when all are done or the time-out has passed. After the last phase the
/// actor system stops. Spawn one of these for a system.
/// </summary>
/// <param name="phaseTimeout">How long each phase waits for its tasks.</param>
public sealed class CoordinatedShutdown(TimeSpan phaseTimeout) : Actor
{
    /// <summary>The name to spawn it under.</summary>
    public const string ActorName = "coordinated-shutdown";

    private static readonly object timeoutKey = new();

    private readonly List<AddShutdownTask> tasks = [];
    private readonly List<string> waiting = [];
    private readonly List<string> late = [];
    private string? reason;
    private ShutdownPhase phase;

    private bool IsRunning => reason is not null && phase <= ShutdownPhase.ActorSystemTerminate;

    protected internal override void Receive(object message, IActorContext context)
    {
        switch (message)
        {
            case AddShutdownTask task:
                Add(task, context);
                break;
            case RemoveShutdownTask removed:
                tasks.RemoveAll(task => task.Name == removed.Name);
                break;
            case ShutdownTaskDone done:
                OnDone(done, context);
                break;
            case RunShutdown run when reason is null:
                reason = run.Reason;
                context.Log.Info($"shutdown begins: {reason}");
                StartPhases(context);
                break;
            case RunShutdown run:
                context.Log.Info(
                    $"asked to shut down ({run.Reason}), which goes on already: {reason}");
                break;
            case PhaseTimedOut:
                OnTimedOut(context);
                break;
            case GetShutdownState:
                context.Reply(new ShutdownState(
                    reason, IsRunning ? phase : null, [.. waiting]));
                break;
            default:
                context.Unhandled(message);
                break;
        }
    }

    private void Add(AddShutdownTask task, IActorContext context)
    {
        if (reason is not null && task.Phase <= phase)
        {
            context.Log.Warning(
                $"{task.Name} comes too late for the phase {task.Phase.Name()} and is not run");
            return;
        }
        tasks.RemoveAll(earlier => earlier.Name == task.Name);
        tasks.Add(task);
    }

    private void OnDone(ShutdownTaskDone done, IActorContext context)
    {
        if (waiting.Remove(done.Name))
        {
            if (waiting.Count == 0)
            {
                context.CancelTimer(timeoutKey);
                phase++;
                StartPhases(context);
            }
        }
        else if (late.Remove(done.Name))
        {
            context.Log.Info($"{done.Name} is done, after its phase");
        }
        else
        {
            context.Unhandled(done);
        }
    }

    private void OnTimedOut(IActorContext context)
    {
        context.Log.Warning(
            $"the phase {phase.Name()} goes on without {string.Join(", ", waiting)}: not done "
            + $"within {phaseTimeout.TotalSeconds} s");
        late.AddRange(waiting);
        waiting.Clear();
        phase++;
        StartPhases(context);
    }

    // Up to the first phase that has to wait for something, or to the end.
    private void StartPhases(IActorContext context)
    {
        for (; phase <= ShutdownPhase.ActorSystemTerminate; phase++)
        {
            var starting = tasks.FindAll(task => task.Phase == phase);
            foreach (var task in starting)
            {
                Start(task, context);
            }
            if (waiting.Count > 0)
            {
                context.Log.Info(
                    $"the phase {phase.Name()} waits for {string.Join(", ", waiting)}");
                context.StartTimer(timeoutKey, phaseTimeout, new PhaseTimedOut());
                return;
            }
        }
        context.Log.Info($"shutdown is complete, the actor system stops: {reason}");
        context.System.Stop();
    }

    private void Start(AddShutdownTask task, IActorContext context)
    {
        tasks.Remove(task);
        try
        {
            task.Start(context);
        }
        catch (Exception mistake) when (mistake is not InvariantException)
        {
            // One task that fails must not keep the others from theirs.
            context.Log.Error($"{task.Name} failed to start: {mistake.Message}", mistake);
            return;
        }
        if (!task.IsDoneAtOnce)
        {
            waiting.Add(task.Name);
        }
    }

    private sealed record PhaseTimedOut;
}
