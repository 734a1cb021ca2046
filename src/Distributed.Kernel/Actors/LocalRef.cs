namespace Distributed.Kernel;

/// <summary>A reference to something in this system, told on its logical thread.</summary>
internal abstract class LocalRef(ActorSystem system, string path) : IActorRef
{
    public ActorSystem System { get; } = system;

    public string Path { get; } = path;

    public void Tell(object message, IActorRef? sender = null)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (System.Environment.OnActorThread)
        {
            Deliver(message, sender);
        }
        else
        {
            System.Environment.Post(new Envelope(this, message, sender));
        }
    }

    public override string ToString() => Path;

    /// <summary>On the logical thread; never runs an actor.</summary>
    internal abstract void Deliver(object message, IActorRef? sender);
}
