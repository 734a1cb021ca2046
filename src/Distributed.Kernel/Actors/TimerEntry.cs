namespace Distributed.Kernel;

/// <summary>
/// One timer of one actor. When it fires, the entry itself goes into the mailbox, at most once at a
/// time: so timers need no room there, and a cancelled one is recognised when it is taken out.
/// </summary>
internal sealed class TimerEntry(ActorCell owner, object key) : ScheduledEntry
{
    public object Key { get; } = key;

    public object Message { get; set; } = key;

    /// <summary>0 for a timer that fires once.</summary>
    public long PeriodNs { get; set; }

    public bool InMailbox { get; set; }

    public bool Cancelled { get; set; }

    internal override void Fire(long nowNs)
    {
        if (PeriodNs > 0)
        {
            var skipped = (nowNs - DueNs) / PeriodNs;
            owner.System.Timers.Add(this, DueNs + ((skipped + 1) * PeriodNs));
        }
        if (!InMailbox)
        {
            InMailbox = true;
            owner.DeliverTimer(this);
        }
    }
}
