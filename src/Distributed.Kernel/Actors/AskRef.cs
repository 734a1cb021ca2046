using System.Globalization;

namespace Distributed.Kernel;

/// <summary>Stands as the sender of one question; hands the first answer to who asked.</summary>
internal sealed class AskRef : LocalRef
{
    private readonly long id;
    private readonly ActorCell owner;
    private readonly AskDeadline deadline;
    private bool over;

    public AskRef(
        ActorSystem system, long id, ActorCell owner, long dueNs, object timeoutMessage)
        : base(system, "/ask/" + id.ToString(CultureInfo.InvariantCulture))
    {
        this.id = id;
        this.owner = owner;
        deadline = new AskDeadline(this, timeoutMessage);
        system.Timers.Add(deadline, dueNs);
    }

    internal override void Deliver(object message, IActorRef? sender)
    {
        if (over)
        {
            System.DeadLetter(message, sender, this, DeadLetterReason.AskOver);
            return;
        }
        System.Timers.Remove(deadline);
        Finish(message, sender);
    }

    private void Finish(object message, IActorRef? sender)
    {
        over = true;
        System.ForgetAsk(id);
        owner.DeliverAnswer(message, sender);
    }

    private sealed class AskDeadline(AskRef ask, object timeoutMessage) : ScheduledEntry
    {
        internal override void Fire(long nowNs)
        {
            // An asker that has stopped has no use for its own timeout message.
            if (ask.owner.IsStopping)
            {
                ask.over = true;
                ask.System.ForgetAsk(ask.id);
                return;
            }
            ask.Finish(timeoutMessage, sender: null);
        }
    }
}
