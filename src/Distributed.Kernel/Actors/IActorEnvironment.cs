namespace Distributed.Kernel;

/// <summary>
/// All that an actor system needs of the world. The environment owns the one logical thread: it
/// calls <see cref="ActorSystem.Run"/> when <see cref="Wake"/> asked for it and when
/// <see cref="ActorSystem.NextDueNs"/> has come, and hands what was posted to
/// <see cref="ActorSystem.Deliver"/>.
/// </summary>
public interface IActorEnvironment
{
    /// <summary>Monotonic; the origin is the environment's own.</summary>
    long NowNs { get; }

    DateTimeOffset UtcNow { get; }

    /// <summary>Whether the caller is on the system's logical thread.</summary>
    bool OnActorThread { get; }

    /// <summary>
    /// Takes an envelope that was sent from outside the logical thread, in order for each sending
    /// thread. The only call here that comes from other threads.
    /// </summary>
    void Post(in Envelope envelope);

    /// <summary>The system has messages to handle while it is not being run.</summary>
    void Wake();

    void Log(ActorLogRecord record);
}
