namespace Distributed.Kernel;

internal sealed class DeadLettersRef(ActorSystem system) : LocalRef(system, "/deadLetters")
{
    internal override void Deliver(object message, IActorRef? sender) =>
        System.DeadLetter(message, sender, this, DeadLetterReason.NoRecipient);
}
