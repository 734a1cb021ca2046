namespace Distributed.Kernel;

/// <summary>The parent of all actors that were spawned from outside.</summary>
internal sealed class GuardianActor(SupervisorStrategy strategy) : Actor
{
    protected internal override SupervisorStrategy SupervisorStrategy => strategy;

    protected internal override void Receive(object message, IActorContext context) =>
        context.Unhandled(message);
}
