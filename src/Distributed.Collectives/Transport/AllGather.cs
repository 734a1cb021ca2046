namespace Distributed.Collectives.Transport;

/// <summary>
/// Every rank sends its bytes to all, so that all of them hold the same. For what is told now and
/// then: it allocates.
/// </summary>
public static class AllGather
{
    /// <summary>What all ranks sent, by rank. Throws what the transport throws.</summary>
    /// <param name="transport">Every rank calls this at the same point.</param>
    /// <param name="own">What this rank sends.</param>
    /// <param name="headerOf">Of the frame that a rank sends, the same on all ranks.</param>
    /// <param name="bytesOf">How long a rank's bytes are; null where all send as many.</param>
    public static byte[][] Run(
        ITransport transport, byte[] own, Func<int, FrameHeader> headerOf,
        Func<int, int>? bytesOf = null)
    {
        FrameHeader header = headerOf(transport.Rank);
        for (int distance = 1; distance < transport.Size; distance++)
            transport.Send((transport.Rank + distance) % transport.Size, header, own);
        var all = new byte[transport.Size][];
        for (int peer = 0; peer < all.Length; peer++)
        {
            if (peer == transport.Rank)
            {
                all[peer] = own;
                continue;
            }

            all[peer] = new byte[bytesOf?.Invoke(peer) ?? own.Length];
            transport.Receive(peer, headerOf(peer), all[peer]);
        }

        transport.Flush();
        return all;
    }
}
