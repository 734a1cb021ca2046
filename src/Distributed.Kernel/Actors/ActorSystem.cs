namespace Distributed.Kernel;

/// <summary>
/// A tree of actors that run on one logical thread, which an environment provides. Everything here
/// is to be used on that thread, except <see cref="IActorRef.Tell"/>. The same environment, seed
/// and messages give the same run.
/// </summary>
public sealed class ActorSystem
{
    private readonly Dictionary<long, AskRef> asks = [];
    private readonly long[] deadLetterCounts =
        new long[Enum.GetValues<DeadLetterReason>().Length];
    private readonly List<Action> onTerminated = [];
    private readonly ulong seed;
    private readonly ActorCell guardian;
    private RingBuffer<ActorCell> ready;
    private long asksStarted;
    private long actorsSpawned;
    private long deadLettersLogged;
    private bool running;

    public ActorSystem(
        string name, IActorEnvironment environment, ulong seed,
        ActorSystemOptions? options = null)
    {
        Name = name;
        Environment = environment;
        this.seed = seed;
        Options = options ?? new ActorSystemOptions();
        DeadLetters = new DeadLettersRef(this);
        guardian = new ActorCell(
            this, parent: null, "user", () => new GuardianActor(Options.GuardianStrategy),
            Options.MailboxCapacity);
        guardian.StartAsGuardian();
    }

    public string Name { get; }

    /// <summary>What is sent here is a dead letter.</summary>
    public IActorRef DeadLetters { get; }

    public EventStream Events { get; } = new();

    public bool IsStopping => guardian.IsStopping;

    /// <summary>All actors have stopped.</summary>
    public bool IsTerminated { get; private set; }

    /// <summary>What was escalated to the top, if that is why the system stopped.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Messages that actors have begun to handle, those of the kernel included.</summary>
    public long MessagesHandled { get; private set; }

    /// <summary>When <see cref="Run"/> must be called though nothing was posted.</summary>
    public long? NextDueNs => Timers.NextDueNs;

    internal IActorEnvironment Environment { get; }

    internal ActorSystemOptions Options { get; }

    internal TimerHeap Timers { get; } = new();

    /// <summary>Starts a top-level actor.</summary>
    public IActorRef Spawn(string name, Func<Actor> factory, int mailboxCapacity = 0)
    {
        CheckThread();
        return ((IActorContext)guardian).Spawn(name, factory, mailboxCapacity);
    }

    /// <summary>As <see cref="IActorContext.Stop"/>.</summary>
    public void Stop(IActorRef actor)
    {
        ArgumentNullException.ThrowIfNull(actor);
        CheckThread();
        if (actor is ActorCell cell && cell.System == this)
        {
            cell.RequestStop();
        }
        else
        {
            actor.Tell(PoisonPill.Instance);
        }
    }

    /// <summary>Stops all actors, children before parents.</summary>
    public void Stop()
    {
        CheckThread();
        guardian.RequestStop();
    }

    /// <summary>Calls back on the logical thread once all actors have stopped.</summary>
    public void WhenTerminated(Action callback)
    {
        ArgumentNullException.ThrowIfNull(callback);
        CheckThread();
        if (IsTerminated)
        {
            callback();
        }
        else
        {
            onTerminated.Add(callback);
        }
    }

    /// <summary>The living actor, or the open question, at that path.</summary>
    public IActorRef? Resolve(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        CheckThread();
        const string askPrefix = "/ask/";
        if (path.StartsWith(askPrefix, StringComparison.Ordinal))
        {
            return long.TryParse(path.AsSpan(askPrefix.Length), out var id)
                ? asks.GetValueOrDefault(id)
                : null;
        }
        var names = path.Split('/');
        if (names.Length < 2 || names[0].Length > 0 || names[1] != "user")
        {
            return null;
        }
        ActorCell? cell = guardian;
        for (var index = 2; index < names.Length && cell is not null; index++)
        {
            cell = cell.FindChild(names[index]);
        }
        return cell;
    }

    /// <summary>All living actors, parents before their children.</summary>
    public IReadOnlyList<ActorInfo> Describe()
    {
        CheckThread();
        var found = new List<ActorInfo>();
        guardian.Describe(found);
        return found;
    }

    public long DeadLetterCount(DeadLetterReason reason) => deadLetterCounts[(int)reason];

    /// <summary>
    /// Fires the timers that are due, then handles up to that many messages. True when there are
    /// more to handle now. An <see cref="InvariantException"/> comes through, and the system must
    /// not be used after it.
    /// </summary>
    public bool Run(int messagesMax)
    {
        CheckThread();
        Invariant.Check(!running, "an actor system is run from within itself");
        running = true;
        var nowNs = Environment.NowNs;
        while (Timers.TryTakeDue(nowNs, out var entry))
        {
            entry.Fire(nowNs);
        }
        while (messagesMax > 0 && TryTakeReady(out var cell))
        {
            var handled = cell.TakeTurn(Math.Min(messagesMax, Options.Throughput));
            MessagesHandled += handled;
            messagesMax -= handled;
        }
        running = false;
        return ready.Count > 0;
    }

    /// <summary>Hands over what <see cref="IActorEnvironment.Post"/> has taken.</summary>
    public void Deliver(in Envelope envelope)
    {
        CheckThread();
        Invariant.Check(
            envelope.Target.System == this, "an envelope was delivered to another actor system");
        envelope.Target.Deliver(envelope.Message, envelope.Sender);
    }

    internal void Schedule(ActorCell cell)
    {
        ready.AddLast(cell);
        if (!running && ready.Count == 1)
        {
            Environment.Wake();
        }
    }

    internal AskRef StartAsk(ActorCell owner, TimeSpan deadline, object timeoutMessage)
    {
        var id = ++asksStarted;
        var dueNs = Environment.NowNs + Nanoseconds.Of(deadline);
        var ask = new AskRef(this, id, owner, dueNs, timeoutMessage);
        asks.Add(id, ask);
        return ask;
    }

    internal void ForgetAsk(long id) => asks.Remove(id);

    internal ulong NextActorNumber() => (ulong)++actorsSpawned;

    /// <summary>A stream that depends on the actor's path, not on what others draw.</summary>
    internal Prng RandomFor(string path, ulong actorNumber)
    {
        var hash = 14695981039346656037;
        foreach (var character in path)
        {
            hash = unchecked((hash ^ character) * 1099511628211);
        }
        return new Prng(CounterRandom.Key(seed, hash, actorNumber));
    }

    internal void DeadLetter(
        object message, IActorRef? sender, IActorRef recipient, DeadLetterReason reason)
    {
        deadLetterCounts[(int)reason]++;
        if (message is DeadLetter)
        {
            // Telling of it could fail again for the same reason, for ever.
            return;
        }
        if (!IsStopping && deadLettersLogged < Options.DeadLettersLogged)
        {
            deadLettersLogged++;
            Log(
                ActorLogLevel.Warning, recipient.Path,
                $"{message.GetType().Name} from {sender?.Path ?? "nobody"} was not delivered: "
                + $"{reason}");
        }
        if (Events.HasSubscriber(typeof(DeadLetter)))
        {
            Events.Publish(new DeadLetter(message, sender, recipient, reason));
        }
    }

    internal void Log(
        ActorLogLevel level, string source, string text, Exception? exception = null,
        Func<IReadOnlyList<LogField>>? fields = null)
    {
        if (level >= Options.LogLevel)
        {
            Environment.Log(new ActorLogRecord(
                level, Environment.UtcNow, source, text, exception, fields?.Invoke()));
        }
    }

    internal void GuardianFailed(Exception failure)
    {
        Failure ??= failure;
        Log(
            ActorLogLevel.Error, guardian.Path,
            $"a failure was escalated to the top and stops the system: {failure.Message}",
            failure);
        guardian.RequestStop();
    }

    internal void GuardianStopped()
    {
        IsTerminated = true;
        foreach (var callback in onTerminated)
        {
            callback();
        }
        onTerminated.Clear();
    }

    private bool TryTakeReady(out ActorCell cell)
    {
        if (Options.ChooseReady is null || ready.Count < 2)
        {
            return ready.TryTakeFirst(out cell);
        }
        cell = ready.TakeAt(Options.ChooseReady(ready.Count));
        return true;
    }

    private void CheckThread() => Invariant.Check(
        Environment.OnActorThread, "an actor system is used from outside its logical thread");
}
