namespace Distributed.Collectives.Transport;

/// <summary>
/// A collective ended early because somebody cancelled its transport on this rank.
/// </summary>
public sealed class CollectiveCancelledException(string reason)
    : Exception($"the collective was cancelled: {reason}")
{
    public string Reason { get; } = reason;
}
