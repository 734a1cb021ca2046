using System.Collections.Concurrent;
using Distributed.Collectives.Transport;

namespace Distributed.Collectives.Tests;

/// <summary>
/// Connects ranks within one process. A payload is copied when its receiver takes it, not when it
/// is sent, so that a sender that reuses memory too early is found out.
/// </summary>
internal sealed class InMemoryNetwork
{
    private readonly BlockingCollection<Frame>[,] links;
    private readonly CancellationTokenSource cancelled = new();
    private readonly int[] inFlight;
    private long frames;
    private long payloadBytes;

    public InMemoryNetwork(int size)
    {
        Size = size;
        inFlight = new int[size];
        links = new BlockingCollection<Frame>[size, size];
        for (int from = 0; from < size; from++)
        {
            for (int to = 0; to < size; to++)
                links[from, to] = [];
        }
    }

    public int Size { get; }

    public long Frames => Interlocked.Read(ref frames);

    public long PayloadBytes => Interlocked.Read(ref payloadBytes);

    public ITransport Connect(int rank) => new Endpoint(this, rank);

    /// <summary>Wakes every rank: for a test in which one of them has failed.</summary>
    public void CancelAll() => cancelled.Cancel();

    private readonly record struct Frame(FrameHeader Header, ReadOnlyMemory<byte> Payload);

    private sealed class Endpoint : ITransport
    {
        private readonly InMemoryNetwork network;
        private readonly int rank;
        private readonly CancellationTokenSource own;

        public Endpoint(InMemoryNetwork network, int rank)
        {
            this.network = network;
            this.rank = rank;
            own = CancellationTokenSource.CreateLinkedTokenSource(network.cancelled.Token);
        }

        public int Rank => rank;

        public int Size => network.Size;

        public Pacing Pacing => new(ChunkBytes: 1 << 18, AheadChunks: 3);

        public void Send(int peer, in FrameHeader header, ReadOnlyMemory<byte> payload)
        {
            Interlocked.Increment(ref network.frames);
            Interlocked.Add(ref network.payloadBytes, payload.Length);
            Interlocked.Increment(ref network.inFlight[rank]);
            network.links[rank, peer].Add(new Frame(header, payload));
        }

        public void Receive(int peer, in FrameHeader expected, Memory<byte> destination)
        {
            try
            {
                (FrameHeader header, ReadOnlyMemory<byte> payload) =
                    network.links[peer, rank].Take(own.Token);
                if (header.RefusalAgainst(expected, peer, rank) is { } refusal)
                    throw refusal;
                payload.CopyTo(destination);
                Interlocked.Decrement(ref network.inFlight[peer]);
            }
            catch (OperationCanceledException)
            {
                throw new CollectiveCancelledException("the test cancelled it");
            }
        }

        public void Flush()
        {
            SpinWait.SpinUntil(() => own.IsCancellationRequested
                || Volatile.Read(ref network.inFlight[rank]) == 0);
        }

        public void Cancel(string reason) => own.Cancel();

        public void Dispose()
        {
        }
    }
}
