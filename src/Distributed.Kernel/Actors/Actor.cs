namespace Distributed.Kernel;

/// <summary>
/// Handles one message after another on its system's one logical thread. It never blocks, never
/// awaits, and reaches the world through the context alone; slow work is done by a port, which
/// answers with a message.
/// </summary>
public abstract class Actor
{
    /// <summary>
    /// Handles one message. An exception goes to the supervisor; an
    /// <see cref="InvariantException"/> ends the process.
    /// </summary>
    protected internal abstract void Receive(object message, IActorContext context);

    /// <summary>Before the first message, and by default after each restart.</summary>
    protected internal virtual void PreStart(IActorContext context)
    {
    }

    /// <summary>After the last message; all children have stopped.</summary>
    protected internal virtual void PostStop(IActorContext context)
    {
    }

    /// <summary>
    /// On the failed instance, before it is replaced. By default stops all children and calls
    /// <see cref="PostStop"/>; children that are left alive here are restarted.
    /// </summary>
    protected internal virtual void PreRestart(
        Exception reason, object? message, IActorContext context)
    {
        foreach (var child in context.Children)
        {
            context.Unwatch(child);
            context.Stop(child);
        }
        PostStop(context);
    }

    /// <summary>On the new instance. By default calls <see cref="PreStart"/>.</summary>
    protected internal virtual void PostRestart(Exception reason, IActorContext context) =>
        PreStart(context);

    /// <summary>What happens to this actor's children when they fail.</summary>
    protected internal virtual SupervisorStrategy SupervisorStrategy =>
        SupervisorStrategy.Default;
}
