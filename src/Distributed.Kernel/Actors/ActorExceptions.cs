namespace Distributed.Kernel;

/// <summary>An actor watched another, and did not handle that it has stopped.</summary>
public sealed class DeathPactException(IActorRef dead)
    : Exception($"did not handle that {dead.Path} has stopped")
{
    public IActorRef Dead { get; } = dead;
}

/// <summary>An actor's factory, PreStart or PostRestart failed.</summary>
public sealed class ActorInitializationException(string path, Exception inner)
    : Exception($"{path} did not start: {inner.Message}", inner);
