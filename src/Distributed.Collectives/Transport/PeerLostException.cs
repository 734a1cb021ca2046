namespace Distributed.Collectives.Transport;

/// <summary>A peer's stream broke or ended, or the peer could not be reached at all.</summary>
public sealed class PeerLostException(
    int rank, int peer, string address, string reason, Exception? inner = null)
    : Exception($"rank {rank} lost rank {peer} at {address}: {reason}", inner)
{
    /// <summary>The rank that noticed.</summary>
    public int Rank { get; } = rank;

    /// <summary>The rank that is gone.</summary>
    public int Peer { get; } = peer;

    public string Address { get; } = address;

    public string Reason { get; } = reason;
}
