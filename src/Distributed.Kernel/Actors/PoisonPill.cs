namespace Distributed.Kernel;

/// <summary>Stops the actor once it has handled what was sent before.</summary>
public sealed class PoisonPill
{
    private PoisonPill()
    {
    }

    public static PoisonPill Instance { get; } = new();
}
