namespace Distributed.Kernel;

/// <summary>Restarts children once their back-off is over, if they still live.</summary>
internal sealed class DelayedRestart(ActorCell[] children, Exception reason) : ScheduledEntry
{
    internal override void Fire(long nowNs)
    {
        foreach (var child in children)
        {
            child.TellDelayedRestart(reason);
        }
    }
}
