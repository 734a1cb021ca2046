namespace Distributed.Cluster.Coordination;

/// <summary>
/// Whether this coordinator may act. A process that stood still finds out here, before it acts,
/// that its lease has run out meanwhile.
/// </summary>
internal sealed class LeaseHold(long term, long validUntilNs)
{
    private long validUntilNs = validUntilNs;

    public long Term => term;

    public bool IsValid(long nowNs) => nowNs < validUntilNs;

    public void Extend(long untilNs) => validUntilNs = Math.Max(validUntilNs, untilNs);
}
