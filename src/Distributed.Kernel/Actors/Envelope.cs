namespace Distributed.Kernel;

/// <summary>A message on its way from another thread to an actor of the system.</summary>
public readonly struct Envelope
{
    internal Envelope(LocalRef target, object message, IActorRef? sender)
    {
        Target = target;
        Message = message;
        Sender = sender;
    }

    public object Message { get; }

    public IActorRef? Sender { get; }

    internal LocalRef Target { get; }
}
