using Distributed.Kernel;

namespace Distributed.Cli.Bench.Actors;

/// <summary>The only message of the benchmarks.</summary>
internal sealed record Ball
{
    public static Ball Instance { get; } = new();
}

/// <summary>Sends every ball back.</summary>
internal sealed class Player : Actor
{
    protected override void Receive(object message, IActorContext context) =>
        context.Sender!.Tell(message, context.Self);
}

/// <summary>Plays with one other; its first ball comes from outside.</summary>
internal sealed class Server(IActorRef other) : Actor
{
    protected override void Receive(object message, IActorContext context) =>
        other.Tell(message, context.Self);
}
