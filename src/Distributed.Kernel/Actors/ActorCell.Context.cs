namespace Distributed.Kernel;

/// <summary>What the actor sees of its cell.</summary>
internal sealed partial class ActorCell : IActorContext, IActorLog
{
    private Prng? random;

    public IActorRef Self => this;

    public IActorRef? Sender => current.Sender;

    public IActorRef? Parent => parent;

    public IReadOnlyList<IActorRef> Children => children.ToArray();

    public long NowNs => System.Environment.NowNs;

    public DateTimeOffset UtcNow => System.Environment.UtcNow;

    public Prng Random => random ??= System.RandomFor(Path, actorNumber);

    public IActorLog Log => this;

    IActorRef IActorContext.Spawn(
        string childName, Func<Actor> childFactory, int childMailboxCapacity)
    {
        CheckName(childName);
        ArgumentNullException.ThrowIfNull(childFactory);
        if (IsStopping)
        {
            throw new InvalidOperationException(
                $"{Path} is stopping and can not start {childName}");
        }
        if (FindChild(childName) is not null)
        {
            throw new ArgumentException(
                $"{Path} already has a child {childName}; a name is free once its actor stopped",
                nameof(childName));
        }
        var capacity = childMailboxCapacity == 0
            ? System.Options.MailboxCapacity
            : childMailboxCapacity;
        Invariant.Check(capacity > 0, $"{childName} has a mailbox for {capacity} messages");
        var child = new ActorCell(System, this, childName, childFactory, capacity);
        children.Add(child);
        child.Tell(new SystemMessage(SystemMessageKind.Create));
        return child;
    }

    void IActorContext.Stop(IActorRef actor) => System.Stop(actor);

    void IActorContext.Watch(IActorRef actor)
    {
        ArgumentNullException.ThrowIfNull(actor);
        if (actor == this || (watching is not null && watching.Contains(actor)))
        {
            return;
        }
        if (actor is not IDeathWatch watched)
        {
            throw new ArgumentException($"{actor.Path} is no actor to watch", nameof(actor));
        }
        (watching ??= []).Add(actor);
        watched.AddWatcher(this);
    }

    void IActorContext.Unwatch(IActorRef actor)
    {
        ArgumentNullException.ThrowIfNull(actor);
        if (watching is not null && watching.Remove(actor))
        {
            ((IDeathWatch)actor).RemoveWatcher(this);
        }
    }

    void IActorContext.StartTimer(object key, TimeSpan delay, object message) =>
        Start(key, Nanoseconds.Of(delay), periodNs: 0, message);

    void IActorContext.StartPeriodicTimer(object key, TimeSpan period, object message)
    {
        var periodNs = Nanoseconds.Of(period);
        Invariant.Check(periodNs > 0, $"the period of timer {key} of {Path} is {period}");
        Start(key, periodNs, periodNs, message);
    }

    void IActorContext.CancelTimer(object key)
    {
        if (timers is not null && timers.Remove(key, out var timer))
        {
            Cancel(timer);
        }
    }

    bool IActorContext.IsTimerActive(object key) =>
        timers is not null && timers.ContainsKey(key);

    void IActorContext.Reply(object message) =>
        (current.Sender ?? System.DeadLetters).Tell(message, this);

    void IActorContext.Ask(
        IActorRef target, object message, TimeSpan deadline, object timeoutMessage)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(timeoutMessage);
        target.Tell(message, System.StartAsk(this, deadline, timeoutMessage));
    }

    void IActorContext.Publish(object @event) => System.Events.Publish(@event);

    void IActorContext.Subscribe(Type eventType)
    {
        subscribed = true;
        System.Events.Subscribe(this, eventType);
    }

    void IActorContext.Unsubscribe(Type eventType) =>
        System.Events.Unsubscribe(this, eventType);

    void IActorContext.Unhandled(object message)
    {
        if (message is Terminated terminated)
        {
            throw new DeathPactException(terminated.Actor);
        }
        System.DeadLetter(message, current.Sender, this, DeadLetterReason.Unhandled);
    }

    void IActorContext.Stash()
    {
        Invariant.Check(current.Message is not null, $"{Path} stashes without a message");
        Invariant.Check(
            !currentIsStashed, $"{Path} stashes one {current.Message.GetType().Name} twice");
        currentIsStashed = true;
        if ((stash?.Count ?? 0) >= mailboxCapacity)
        {
            System.DeadLetter(
                current.Message, current.Sender, this, DeadLetterReason.StashFull);
            return;
        }
        (stash ??= []).Add(current);
    }

    public void UnstashAll()
    {
        for (var index = (stash?.Count ?? 0) - 1; index >= 0; index--)
        {
            var mail = stash![index];
            if (mail.Message is Terminated terminated
                && !(watching ??= []).Contains(terminated.Actor))
            {
                // It counts as watched until it is handled, as if it had never been taken out.
                watching.Add(terminated.Actor);
            }
            mailbox.AddFirst(mail);
        }
        stash?.Clear();
        ScheduleIfNeeded();
    }

    Func<IReadOnlyList<LogField>>? IActorLog.Fields { get; set; }

    bool IActorLog.IsEnabled(ActorLogLevel level) => level >= System.Options.LogLevel;

    void IActorLog.Write(ActorLogLevel level, string text, Exception? exception) =>
        System.Log(level, Path, text, exception, ((IActorLog)this).Fields);

    private void Start(object key, long delayNs, long periodNs, object message)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(message);
        timers ??= [];
        if (timers.TryGetValue(key, out var timer) && !timer.InMailbox)
        {
            System.Timers.Remove(timer);
        }
        else
        {
            if (timer is not null)
            {
                Cancel(timer);
            }
            timer = new TimerEntry(this, key);
            timers[key] = timer;
        }
        timer.Message = message;
        timer.PeriodNs = periodNs;
        System.Timers.Add(timer, NowNs + delayNs);
    }

    private void Cancel(TimerEntry timer)
    {
        timer.Cancelled = true;
        System.Timers.Remove(timer);
    }

    private void CancelTimers()
    {
        // The order does not matter: the heap orders what is left by time and sequence.
        foreach (var timer in timers?.Values ?? Enumerable.Empty<TimerEntry>())
        {
            Cancel(timer);
        }
        timers?.Clear();
    }

    private static void CheckName(string childName)
    {
        ArgumentNullException.ThrowIfNull(childName);
        foreach (var character in childName)
        {
            if (!char.IsAsciiLetterOrDigit(character) && !"-_.$+:@".Contains(character))
            {
                throw new ArgumentException(
                    $"'{childName}' is no actor name: '{character}' is not allowed; "
                    + "use letters, digits and -_.$+:@", nameof(childName));
            }
        }
        if (childName.Length == 0)
        {
            throw new ArgumentException("an actor needs a name", nameof(childName));
        }
    }
}
