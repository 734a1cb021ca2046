namespace Distributed.Kernel.Tests.Actors;

/// <summary>
/// An actor that runs what it is sent, and writes down its life and all other messages.
/// </summary>
internal sealed class Scripted(string name, List<string> journal) : Actor
{
    public SupervisorStrategy Strategy { get; init; } = SupervisorStrategy.Default;

    public Action<IActorContext>? OnStart { get; init; }

    public Action<object, IActorContext>? OnMessage { get; init; }

    public bool KeepsChildren { get; init; }

    protected internal override SupervisorStrategy SupervisorStrategy => Strategy;

    protected internal override void Receive(object message, IActorContext context)
    {
        if (message is Action<IActorContext> script)
        {
            script(context);
        }
        else if (message is Exception failure)
        {
            throw failure;
        }
        else if (OnMessage is not null)
        {
            OnMessage(message, context);
        }
        else
        {
            journal.Add($"{name}: {message}");
        }
    }

    protected internal override void PreStart(IActorContext context)
    {
        journal.Add($"{name} starts");
        OnStart?.Invoke(context);
    }

    protected internal override void PostStop(IActorContext context) =>
        journal.Add($"{name} stops");

    protected internal override void PreRestart(
        Exception reason, object? message, IActorContext context)
    {
        journal.Add($"{name} fails: {reason.Message}");
        if (!KeepsChildren)
        {
            base.PreRestart(reason, message, context);
        }
    }
}
