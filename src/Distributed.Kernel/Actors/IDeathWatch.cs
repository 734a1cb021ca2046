namespace Distributed.Kernel;

/// <summary>
/// A reference whose end can be watched. This kernel's own references are such, and so is a proxy
/// of an actor elsewhere, which carries these calls over its connection.
/// </summary>
public interface IDeathWatch : IActorRef
{
    /// <summary>
    /// From now on the watcher is told when this actor stops; at once if it has stopped already.
    /// </summary>
    void AddWatcher(IDeathWatch watcher);

    void RemoveWatcher(IDeathWatch watcher);

    /// <summary>Tells this actor, the watcher, that another has stopped. Never dropped.</summary>
    void TellTerminated(Terminated terminated);
}
