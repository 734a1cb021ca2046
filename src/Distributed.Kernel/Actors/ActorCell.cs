namespace Distributed.Kernel;

/// <summary>
/// One actor's place in the tree: its mailbox, children and state, through all restarts. This part
/// is the mailbox; the others are the life cycle and what the actor sees of it.
/// </summary>
internal sealed partial class ActorCell : LocalRef, IDeathWatch
{
    private readonly ActorCell? parent;
    private readonly string name;
    private readonly Func<Actor> factory;
    private readonly int mailboxCapacity;
    private readonly ulong actorNumber;
    private RingBuffer<SystemMessage> systemMessages;
    private RingBuffer<Mail> mailbox;
    private List<Mail>? stash;
    private List<IDeathWatch>? watchers;
    private List<IActorRef>? watching;
    private Dictionary<object, TimerEntry>? timers;
    private Mail current;
    private bool currentIsStashed;
    private bool inReady;

    public ActorCell(
        ActorSystem system, ActorCell? parent, string name, Func<Actor> factory,
        int mailboxCapacity)
        : base(system, (parent?.Path ?? "") + "/" + name)
    {
        this.parent = parent;
        this.name = name;
        this.factory = factory;
        this.mailboxCapacity = mailboxCapacity;
        suspended = parent is not null && parent.suspended;
        actorNumber = system.NextActorNumber();
    }

    private bool MayReceive => !suspended && state == CellState.Running;

    private bool HasWork => systemMessages.Count > 0 || (MayReceive && mailbox.Count > 0);

    /// <summary>Handles up to that many messages, those of the kernel first.</summary>
    internal int TakeTurn(int messagesMax)
    {
        var handled = 0;
        while (handled < messagesMax)
        {
            if (systemMessages.TryTakeFirst(out var systemMessage))
            {
                Handle(systemMessage);
                handled++;
            }
            else if (MayReceive && mailbox.TryTakeFirst(out var mail))
            {
                handled += Receive(mail) ? 1 : 0;
            }
            else
            {
                break;
            }
        }
        inReady = false;
        ScheduleIfNeeded();
        return handled;
    }

    internal override void Deliver(object message, IActorRef? sender)
    {
        if (message is WatchCommand command)
        {
            Obey(command);
        }
        else if (IsStopping)
        {
            System.DeadLetter(message, sender, this, DeadLetterReason.Stopped);
        }
        else if (mailbox.Count >= mailboxCapacity)
        {
            System.DeadLetter(message, sender, this, DeadLetterReason.MailboxFull);
        }
        else
        {
            Enqueue(new Mail(message, sender));
        }
    }

    /// <summary>Answers were asked for one by one, so a full mailbox still takes them.</summary>
    internal void DeliverAnswer(object message, IActorRef? sender)
    {
        if (IsStopping)
        {
            System.DeadLetter(message, sender, this, DeadLetterReason.Stopped);
        }
        else
        {
            Enqueue(new Mail(message, sender));
        }
    }

    internal void DeliverTimer(TimerEntry timer) => Enqueue(new Mail(timer, null));

    public void AddWatcher(IDeathWatch watcher)
    {
        if (!System.Environment.OnActorThread)
        {
            Post(WatchCommandKind.Add, watcher);
        }
        else if (state == CellState.Stopped)
        {
            watcher.TellTerminated(new Terminated(this));
        }
        else if (watchers is null || !watchers.Contains(watcher))
        {
            (watchers ??= []).Add(watcher);
        }
    }

    public void RemoveWatcher(IDeathWatch watcher)
    {
        if (!System.Environment.OnActorThread)
        {
            Post(WatchCommandKind.Remove, watcher);
        }
        else
        {
            watchers?.Remove(watcher);
        }
    }

    public void TellTerminated(Terminated terminated)
    {
        if (!System.Environment.OnActorThread)
        {
            Post(WatchCommandKind.Terminated, terminated);
        }
        else if (!IsStopping && watching is not null && watching.Contains(terminated.Actor))
        {
            Enqueue(new Mail(terminated, terminated.Actor));
        }
    }

    private void Post(WatchCommandKind kind, object subject) =>
        System.Environment.Post(new Envelope(this, new WatchCommand(kind, subject), null));

    private void Obey(WatchCommand command)
    {
        switch (command.Kind)
        {
            case WatchCommandKind.Add:
                AddWatcher((IDeathWatch)command.Subject);
                break;
            case WatchCommandKind.Remove:
                RemoveWatcher((IDeathWatch)command.Subject);
                break;
            case WatchCommandKind.Terminated:
                TellTerminated((Terminated)command.Subject);
                break;
        }
    }

    /// <summary>False when there was nothing to handle after all.</summary>
    private bool Receive(Mail mail)
    {
        if (mail.Message is TimerEntry timer)
        {
            timer.InMailbox = false;
            if (timer.Cancelled)
            {
                return false;
            }
            if (timer.PeriodNs == 0)
            {
                timers!.Remove(timer.Key);
            }
            mail = new Mail(timer.Message, null);
        }
        else if (mail.Message is Terminated terminated)
        {
            if (watching is null || !watching.Remove(terminated.Actor))
            {
                return false;
            }
        }
        else if (mail.Message is PoisonPill)
        {
            RequestStop();
            return true;
        }
        current = mail;
        currentIsStashed = false;
        try
        {
            instance!.Receive(mail.Message, this);
        }
        catch (Exception failure) when (failure is not InvariantException)
        {
            Fail(failure, mail.Message);
        }
        current = default;
        return true;
    }

    private void Enqueue(Mail mail)
    {
        mailbox.AddLast(mail);
        ScheduleIfNeeded();
    }

    private void Tell(SystemMessage systemMessage)
    {
        systemMessages.AddLast(systemMessage);
        ScheduleIfNeeded();
    }

    private void ScheduleIfNeeded()
    {
        if (!inReady && HasWork)
        {
            inReady = true;
            System.Schedule(this);
        }
    }

    private readonly record struct Mail(object Message, IActorRef? Sender);
}
