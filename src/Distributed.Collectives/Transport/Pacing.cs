namespace Distributed.Collectives.Transport;

/// <summary>
/// How a collective should keep a transport busy: in chunks of so many bytes, with so many chunks
/// on their way to a peer before it waits for what comes back. Enough for the delay of the links,
/// little enough for the processor's caches. The same on every rank, because the order of frames
/// follows from it.
/// </summary>
public readonly record struct Pacing(int ChunkBytes, int AheadChunks);
