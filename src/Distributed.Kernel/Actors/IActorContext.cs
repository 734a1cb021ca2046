namespace Distributed.Kernel;

/// <summary>
/// All that an actor can see of the world and do to it. Valid on the actor's thread only, while the
/// actor handles a message or starts or stops.
/// </summary>
public interface IActorContext
{
    IActorRef Self { get; }

    /// <summary>Who sent the message being handled; null for timers and for ports.</summary>
    IActorRef? Sender { get; }

    /// <summary>Null for the guardian alone.</summary>
    IActorRef? Parent { get; }

    /// <summary>A copy of the living children, in the order in which they were spawned.</summary>
    IReadOnlyList<IActorRef> Children { get; }

    ActorSystem System { get; }

    /// <summary>Monotonic time.</summary>
    long NowNs { get; }

    /// <summary>Wall-clock time: for showing and storing, never for deciding.</summary>
    DateTimeOffset UtcNow { get; }

    /// <summary>This actor's own random stream; it goes on through restarts.</summary>
    Prng Random { get; }

    IActorLog Log { get; }

    /// <summary>
    /// Starts a child. The factory runs later, and again on each restart. A mailbox holds the
    /// system's default number of messages where <paramref name="mailboxCapacity"/> is 0; what
    /// comes to a full one is a dead letter, except for timers, answers and
    /// <see cref="Terminated"/>. The name must be free among the living children.
    /// </summary>
    IActorRef Spawn(string name, Func<Actor> factory, int mailboxCapacity = 0);

    /// <summary>
    /// Stops an actor after the message it handles now, its children first. What is in its mailbox
    /// goes to the dead letters.
    /// </summary>
    void Stop(IActorRef actor);

    /// <summary>
    /// Asks for one <see cref="Terminated"/> when the actor stops, at once if it has stopped.
    /// </summary>
    void Watch(IActorRef actor);

    /// <summary>No <see cref="Terminated"/> follows, even if the actor stopped before.</summary>
    void Unwatch(IActorRef actor);

    /// <summary>
    /// Delivers the message to this actor once. Replaces the timer of the same key; a restart and
    /// a stop cancel all timers. The message of a cancelled timer never arrives, and one that has
    /// fired is never dropped.
    /// </summary>
    void StartTimer(object key, TimeSpan delay, object message);

    /// <summary>
    /// Delivers the message at every period from now on. Periods that pass before the actor gets
    /// to the last message are skipped.
    /// </summary>
    void StartPeriodicTimer(object key, TimeSpan period, object message);

    void CancelTimer(object key);

    bool IsTimerActive(object key);

    /// <summary>Tells the sender; a dead letter where there is none.</summary>
    void Reply(object message);

    /// <summary>
    /// Sends the message; the first reply, or <paramref name="timeoutMessage"/> when none came
    /// within the deadline, arrives here as an ordinary message. Exactly one of them arrives.
    /// </summary>
    void Ask(IActorRef target, object message, TimeSpan deadline, object timeoutMessage);

    /// <summary>Tells all who subscribed to a type that the event is of.</summary>
    void Publish(object @event);

    /// <summary>From now on this actor gets events of that type, until it stops.</summary>
    void Subscribe(Type eventType);

    void Unsubscribe(Type eventType);

    /// <summary>
    /// Makes the message a dead letter; for <see cref="Terminated"/> throws
    /// <see cref="DeathPactException"/>.
    /// </summary>
    void Unhandled(object message);

    /// <summary>
    /// Keeps the message being handled for <see cref="UnstashAll"/>; once for each message, or it
    /// would be handled twice. A stash holds as many messages as the mailbox may, and what comes to
    /// a full one is a dead letter.
    /// </summary>
    void Stash();

    /// <summary>
    /// Puts all stashed messages before the others in the mailbox, in their order. A restart does
    /// so too.
    /// </summary>
    void UnstashAll();
}
