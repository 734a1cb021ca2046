namespace Distributed.Kernel;

/// <summary>How an actor treats the failures of its children. Immutable; may be shared.</summary>
public sealed class SupervisorStrategy
{
    public const int RestartsMaxDefault = 10;

    private readonly Func<Exception, Directive> decide;

    private SupervisorStrategy(
        bool allForOne, int restartsMax, TimeSpan? window, RestartBackOff? backOff,
        Func<Exception, Directive>? decide)
    {
        AllForOne = allForOne;
        RestartsMax = restartsMax;
        WindowNs = (window ?? WindowDefault).Ticks * TimeSpan.NanosecondsPerTick;
        BackOff = backOff;
        this.decide = decide ?? DecideByDefault;
    }

    public static TimeSpan WindowDefault { get; } = TimeSpan.FromMinutes(1);

    /// <summary>One for one, at most 10 restarts in a minute, no waiting.</summary>
    public static SupervisorStrategy Default { get; } = ForOne();

    internal bool AllForOne { get; }

    internal int RestartsMax { get; }

    internal long WindowNs { get; }

    internal RestartBackOff? BackOff { get; }

    /// <summary>
    /// Treats the failed child alone. A child that would be restarted more than
    /// <paramref name="restartsMax"/> times within the window is stopped instead.
    /// </summary>
    public static SupervisorStrategy ForOne(
        int restartsMax = RestartsMaxDefault, TimeSpan? window = null,
        RestartBackOff? backOff = null, Func<Exception, Directive>? decide = null) =>
        new(allForOne: false, restartsMax, window, backOff, decide);

    /// <summary>Restarts or stops all children when one fails; they share the count.</summary>
    public static SupervisorStrategy ForAll(
        int restartsMax = RestartsMaxDefault, TimeSpan? window = null,
        RestartBackOff? backOff = null, Func<Exception, Directive>? decide = null) =>
        new(allForOne: true, restartsMax, window, backOff, decide);

    /// <summary>Stops what did not start or broke a death pact; restarts all else.</summary>
    public static Directive DecideByDefault(Exception failure) =>
        failure is ActorInitializationException or DeathPactException
            ? Directive.Stop
            : Directive.Restart;

    internal Directive Decide(Exception failure) => decide(failure);
}
