namespace Distributed.Kernel;

/// <summary>The bounds of an actor system.</summary>
public sealed record ActorSystemOptions
{
    /// <summary>How many messages wait for an actor before further ones are dead letters.</summary>
    public int MailboxCapacity { get; init; } = 4096;

    /// <summary>How many messages an actor may handle before others get their turn.</summary>
    public int Throughput { get; init; } = 30;

    /// <summary>How many dead letters are logged; the rest is only counted.</summary>
    public int DeadLettersLogged { get; init; } = 10;

    public ActorLogLevel LogLevel { get; init; } = ActorLogLevel.Info;

    /// <summary>For the top-level actors. What it escalates stops the system.</summary>
    public SupervisorStrategy GuardianStrategy { get; init; } = SupervisorStrategy.Default;

    /// <summary>
    /// Given the number of actors that have work, picks the one that goes next. Null takes them in
    /// turn; a simulation draws, to see orders that are rare.
    /// </summary>
    public Func<int, int>? ChooseReady { get; init; }
}
