namespace Distributed.Kernel;

/// <summary>
/// Where messages for one actor go. It stays valid after the actor has stopped: what is sent then
/// becomes a dead letter. References are compared by identity.
/// </summary>
public interface IActorRef
{
    /// <summary>For example <c>/user/coordinator/job-1</c>.</summary>
    string Path { get; }

    /// <summary>
    /// Queues the message: at most once, in order between one sender and one receiver. Callable
    /// from any thread; never fails.
    /// </summary>
    void Tell(object message, IActorRef? sender = null);
}
