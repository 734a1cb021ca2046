namespace Distributed.Collectives.Transport;

/// <summary>
/// Moves frames between the ranks of one generation of a job. Collectives are written against this
/// alone. Frames from one peer arrive in the order in which that peer sent them. One thread sends
/// and one thread receives per peer; they may be the same thread.
/// </summary>
/// <remarks>
/// After any exception call <see cref="Cancel"/> or Dispose before the memory behind payloads is
/// freed: when either returns, the transport no longer reads or writes memory of the caller.
/// </remarks>
public interface ITransport : IDisposable
{
    int Rank { get; }

    int Size { get; }

    /// <summary>What suits the links.</summary>
    Pacing Pacing { get; }

    /// <summary>
    /// Queues a frame and returns. The payload must stay untouched until <see cref="Flush"/>
    /// returns. Never waits for the peer, so it cannot deadlock with <see cref="Receive"/>.
    /// The checksum of <paramref name="header"/> is ignored: the transport computes it.
    /// </summary>
    /// <exception cref="CollectiveCancelledException">The transport was cancelled.</exception>
    /// <exception cref="PeerLostException">The peer cannot be reached any more.</exception>
    void Send(int peer, in FrameHeader header, ReadOnlyMemory<byte> payload);

    /// <summary>
    /// Blocks until the next frame of <paramref name="peer"/> fills the destination. Every field
    /// of its header but the checksum must equal <paramref name="expected"/>, and its payload must
    /// have the destination's length and the checksum that it came with.
    /// </summary>
    /// <exception cref="FrameRefusedException">The frame is not the expected one.</exception>
    /// <exception cref="CollectiveCancelledException">The transport was cancelled.</exception>
    /// <exception cref="PeerLostException">The peer's stream ended or broke.</exception>
    void Receive(int peer, in FrameHeader expected, Memory<byte> destination);

    /// <summary>Blocks until everything sent by this rank has been handed over.</summary>
    void Flush();

    /// <summary>Wakes every blocked call of this rank at once; later calls fail alike.</summary>
    void Cancel(string reason);
}
