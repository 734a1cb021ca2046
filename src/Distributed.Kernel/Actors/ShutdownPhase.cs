using System.Text;

namespace Distributed.Kernel;

/// <summary>The phases of <see cref="CoordinatedShutdown"/>, which are Akka's, in order.</summary>
public enum ShutdownPhase
{
    BeforeServiceUnbind,

    /// <summary>Take no new connections.</summary>
    ServiceUnbind,

    /// <summary>Let requests that were taken come to their end.</summary>
    ServiceRequestsDone,

    /// <summary>Close connections and stop services.</summary>
    ServiceStop,

    /// <summary>The last moment as a full member: hand over work, save state.</summary>
    BeforeClusterShutdown,

    /// <summary>Ask to leave the cluster.</summary>
    ClusterLeave,

    /// <summary>Hand over what is a member's own, such as leadership.</summary>
    ClusterExiting,

    /// <summary>Wait until the others know.</summary>
    ClusterExitingDone,

    ClusterShutdown,

    BeforeActorSystemTerminate,

    /// <summary>The system stops after this phase.</summary>
    ActorSystemTerminate,
}

public static class ShutdownPhaseExtensions
{
    /// <summary>The name as Akka writes it, such as <c>cluster-leave</c>.</summary>
    public static string Name(this ShutdownPhase phase)
    {
        var name = new StringBuilder();
        foreach (var character in phase.ToString())
        {
            if (char.IsAsciiLetterUpper(character) && name.Length > 0)
            {
                name.Append('-');
            }
            name.Append(char.ToLowerInvariant(character));
        }
        return name.ToString();
    }
}
