using Distributed.Kernel;

namespace Distributed.Collectives.Transport;

/// <summary>
/// Some of a transport's ranks, numbered among themselves. Failures name ranks as the transport
/// does; a cancel is the whole transport's.
/// </summary>
public sealed class TransportView : ITransport
{
    private readonly ITransport transport;
    private readonly int[] ranks;

    /// <param name="transport">Not owned.</param>
    /// <param name="ranks">This rank and others of the transport.</param>
    public TransportView(ITransport transport, IReadOnlyList<int> ranks)
    {
        this.transport = transport;
        this.ranks = [.. ranks];
        Rank = Array.IndexOf(this.ranks, transport.Rank);
        Invariant.Check(Rank >= 0, "a rank sees itself");
    }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size => ranks.Length;

    /// <inheritdoc/>
    public Pacing Pacing => transport.Pacing;

    /// <inheritdoc/>
    public void Send(int peer, in FrameHeader header, ReadOnlyMemory<byte> payload) =>
        transport.Send(ranks[peer], header, payload);

    /// <inheritdoc/>
    public void Receive(int peer, in FrameHeader expected, Memory<byte> destination) =>
        transport.Receive(ranks[peer], expected, destination);

    /// <inheritdoc/>
    public void Flush() => transport.Flush();

    /// <inheritdoc/>
    public void Cancel(string reason) => transport.Cancel(reason);

    /// <summary>Does nothing: the transport is somebody else's.</summary>
    public void Dispose()
    {
    }
}
