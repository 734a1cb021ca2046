namespace Distributed.Kernel;

/// <summary>
/// The life cycle. Nothing here calls another actor's code: cells tell each other by system
/// messages, so that a failure deep in the tree never grows the stack.
/// </summary>
internal sealed partial class ActorCell
{
    private readonly List<ActorCell> children = [];
    private CellState state;
    private Actor? instance;

    // Failed, or about to be restarted with its siblings: waits for the supervisor.
    private bool held;

    // Held, or below one that is: only messages of the kernel are handled.
    private bool suspended;
    private bool escalated;
    private bool stopRequested;
    private bool restartPending;
    private bool subscribed;
    private Exception? failure;
    private object? failedMessage;
    private Exception? restartReason;
    private RestartCount restarts;
    private RestartCount childrenRestarts;
    private int restartsTotal;

    private enum CellState
    {
        Starting,
        Running,

        /// <summary>The old instance is gone; waits for children that are stopping.</summary>
        Restarting,

        /// <summary>Waits for the children to stop.</summary>
        Stopping,
        Stopped,
    }

    internal bool IsStopping => state >= CellState.Stopping;

    internal void StartAsGuardian()
    {
        instance = factory();
        state = CellState.Running;
    }

    internal void RequestStop()
    {
        if (!stopRequested)
        {
            stopRequested = true;
            Tell(new SystemMessage(SystemMessageKind.Stop));
        }
    }

    /// <summary>Only if it has not been restarted with its parent meanwhile.</summary>
    internal void TellDelayedRestart(Exception reason)
    {
        if (restartPending)
        {
            TellRestart(reason);
        }
    }

    private void TellRestart(Exception reason)
    {
        if (!stopRequested)
        {
            restartPending = true;
            Tell(new SystemMessage(SystemMessageKind.Restart, null, reason));
        }
    }

    internal ActorCell? FindChild(string childName) =>
        children.Find(child => child.name == childName);

    internal void Describe(List<ActorInfo> found)
    {
        found.Add(new ActorInfo(
            Path, instance?.GetType().Name ?? "", mailbox.Count, mailboxCapacity, restartsTotal));
        foreach (var child in children)
        {
            child.Describe(found);
        }
    }

    private void Handle(SystemMessage message)
    {
        switch (message.Kind)
        {
            case SystemMessageKind.Create:
                Create();
                break;
            case SystemMessageKind.Stop:
                Stop();
                break;
            case SystemMessageKind.Resume:
                Resume();
                break;
            case SystemMessageKind.Restart:
                Restart(message.Reason!);
                break;
            case SystemMessageKind.ChildFailed:
                ChildFailed(message.Child!, message.Reason!);
                break;
            case SystemMessageKind.ChildStopped:
                ChildStopped(message.Child!);
                break;
        }
    }

    private void Create()
    {
        state = CellState.Running;
        try
        {
            instance = factory();
            instance.PreStart(this);
        }
        catch (Exception reason) when (reason is not InvariantException)
        {
            Fail(new ActorInitializationException(Path, reason), message: null);
        }
    }

    private void Fail(Exception reason, object? message)
    {
        if (IsStopping)
        {
            System.Log(
                ActorLogLevel.Error, Path, $"failed while stopping: {reason.Message}", reason);
            return;
        }
        failure = reason;
        failedMessage = message;
        Hold(true);
        if (parent is null)
        {
            System.GuardianFailed(reason);
        }
        else
        {
            parent.Tell(new SystemMessage(SystemMessageKind.ChildFailed, this, reason));
        }
    }

    private void Hold(bool value)
    {
        held = value;
        UpdateSuspended();
    }

    private void UpdateSuspended()
    {
        var now = held || (parent is not null && parent.suspended);
        if (suspended == now)
        {
            return;
        }
        suspended = now;
        foreach (var child in children)
        {
            child.UpdateSuspended();
        }
        ScheduleIfNeeded();
    }

    private void Resume()
    {
        if (state != CellState.Running || restartPending)
        {
            return;
        }
        failure = null;
        failedMessage = null;
        escalated = false;
        foreach (var child in children)
        {
            // Its failure was passed on, and has now been answered for both.
            if (child.escalated)
            {
                child.Resume();
            }
        }
        if (instance is null)
        {
            // There is nothing to go on with: it never started.
            TellRestart(new InvalidOperationException($"{Path} was resumed before it started"));
        }
        else
        {
            Hold(false);
        }
    }

    private void ChildFailed(ActorCell child, Exception reason)
    {
        if (IsStopping || child.stopRequested)
        {
            return;
        }
        if (child.failure != reason || child.restartPending)
        {
            // A sibling's failure has restarted it since, or is about to.
            return;
        }
        if (instance is null)
        {
            child.RequestStop();
            return;
        }
        var strategy = instance.SupervisorStrategy;
        Directive directive;
        try
        {
            directive = strategy.Decide(reason);
        }
        catch (Exception mistake) when (mistake is not InvariantException)
        {
            child.escalated = true;
            Fail(mistake, message: null);
            return;
        }
        System.Log(
            directive == Directive.Resume ? ActorLogLevel.Warning : ActorLogLevel.Error,
            child.Path, $"{directive}: {reason.GetType().Name}: {reason.Message}", reason);
        Apply(directive, strategy, child, reason);
    }

    private void Apply(
        Directive directive, SupervisorStrategy strategy, ActorCell child, Exception reason)
    {
        switch (directive)
        {
            case Directive.Resume:
                child.Tell(new SystemMessage(SystemMessageKind.Resume));
                break;
            case Directive.Restart:
                RestartChildren(strategy, child, reason);
                break;
            case Directive.Stop:
                StopChildren(strategy, child);
                break;
            case Directive.Escalate:
                child.escalated = true;
                Fail(reason, message: null);
                break;
            default:
                Invariant.Broken($"{directive} is no directive");
                break;
        }
    }

    private void StopChildren(SupervisorStrategy strategy, ActorCell failed)
    {
        if (!strategy.AllForOne)
        {
            failed.RequestStop();
            return;
        }
        for (var index = children.Count - 1; index >= 0; index--)
        {
            children[index].RequestStop();
        }
    }

    private void RestartChildren(
        SupervisorStrategy strategy, ActorCell failed, Exception reason)
    {
        ref var count = ref strategy.AllForOne ? ref childrenRestarts : ref failed.restarts;
        if (!count.TryAdd(strategy, NowNs))
        {
            System.Log(
                ActorLogLevel.Error, failed.Path,
                $"stopped: restart number {count.InWindow} within "
                + $"{TimeSpan.FromTicks(strategy.WindowNs / TimeSpan.NanosecondsPerTick)} "
                + "is one too many");
            StopChildren(strategy, failed);
            return;
        }
        var restarted = strategy.AllForOne
            ? children.FindAll(child => !child.stopRequested).ToArray()
            : [failed];
        foreach (var child in restarted)
        {
            child.restartPending = true;
            child.Hold(true);
        }
        var restart = new DelayedRestart(restarted, reason);
        if (strategy.BackOff is null)
        {
            restart.Fire(NowNs);
        }
        else
        {
            System.Timers.Add(restart, NowNs + strategy.BackOff.DelayNs(count.InWindow, Random));
        }
    }

    private void Restart(Exception reason)
    {
        // What is not pending was done by a restart of the parent meanwhile.
        var isPending = restartPending;
        restartPending = false;
        if (IsStopping || state == CellState.Restarting || !isPending)
        {
            return;
        }
        CancelTimers();
        try
        {
            instance?.PreRestart(reason, failedMessage, this);
        }
        catch (Exception mistake) when (mistake is not InvariantException)
        {
            System.Log(
                ActorLogLevel.Error, Path, $"PreRestart failed: {mistake.Message}", mistake);
        }
        instance = null;
        failure = null;
        failedMessage = null;
        escalated = false;
        restartReason = reason;
        restartsTotal++;
        state = CellState.Restarting;
        FinishRestartIfReady();
    }

    private void FinishRestartIfReady()
    {
        if (children.Exists(child => child.stopRequested))
        {
            return;
        }
        state = CellState.Running;
        Hold(false);
        var survivors = children.ToArray();
        UnstashAll();
        try
        {
            instance = factory();
            instance.PostRestart(restartReason!, this);
        }
        catch (Exception mistake) when (mistake is not InvariantException)
        {
            Fail(new ActorInitializationException(Path, mistake), message: null);
        }
        foreach (var survivor in survivors)
        {
            survivor.TellRestart(restartReason!);
        }
    }

    private void ChildStopped(ActorCell child)
    {
        Invariant.Check(children.Remove(child), $"{child.Path} stopped, and is no child");
        if (state == CellState.Restarting)
        {
            FinishRestartIfReady();
        }
        else if (state == CellState.Stopping)
        {
            FinishStopIfReady();
        }
    }

    private void Stop()
    {
        state = CellState.Stopping;
        CancelTimers();
        for (var index = children.Count - 1; index >= 0; index--)
        {
            children[index].RequestStop();
        }
        FinishStopIfReady();
    }

    private void FinishStopIfReady()
    {
        if (children.Count > 0)
        {
            return;
        }
        try
        {
            instance?.PostStop(this);
        }
        catch (Exception mistake) when (mistake is not InvariantException)
        {
            System.Log(
                ActorLogLevel.Error, Path, $"PostStop failed: {mistake.Message}", mistake);
        }
        instance = null;
        state = CellState.Stopped;
        CancelTimers();
        LetGoOfOthers();
        LetGoOfMail();
        if (parent is null)
        {
            System.GuardianStopped();
        }
        else
        {
            parent.Tell(new SystemMessage(SystemMessageKind.ChildStopped, this));
        }
    }

    private void LetGoOfOthers()
    {
        if (subscribed)
        {
            System.Events.Unsubscribe(this);
        }
        foreach (var watched in watching ?? [])
        {
            ((IDeathWatch)watched).RemoveWatcher(this);
        }
        watching = null;
        foreach (var watcher in watchers ?? [])
        {
            watcher.TellTerminated(new Terminated(this));
        }
        watchers = null;
    }

    private void LetGoOfMail()
    {
        UnstashAll();
        while (mailbox.TryTakeFirst(out var mail))
        {
            if (mail.Message is not (TimerEntry or Terminated or PoisonPill))
            {
                System.DeadLetter(mail.Message, mail.Sender, this, DeadLetterReason.Stopped);
            }
        }
        mailbox = default;
        stash = null;
    }
}
