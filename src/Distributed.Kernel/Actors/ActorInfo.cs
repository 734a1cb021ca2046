namespace Distributed.Kernel;

/// <summary>A living actor, as <see cref="ActorSystem.Describe"/> saw it.</summary>
/// <param name="Path">Where it is in the tree.</param>
/// <param name="TypeName">Of its class; empty while it has no instance.</param>
/// <param name="MessagesWaiting">In its mailbox.</param>
/// <param name="MailboxCapacity">With as many waiting, what comes then is a dead letter.</param>
/// <param name="Restarts">How often it was restarted, with its siblings and its parent
/// included.</param>
public readonly record struct ActorInfo(
    string Path, string TypeName, int MessagesWaiting, int MailboxCapacity, int Restarts);
