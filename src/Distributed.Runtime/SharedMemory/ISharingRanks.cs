using Distributed.Collectives.Transport;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// The ranks of a generation that map each other's memory, numbered among themselves, and what they
/// must know of each other for that.
/// </summary>
internal interface ISharingRanks
{
    /// <summary>
    /// Raised, on any thread, when a rank of the generation is lost or the transport is cancelled:
    /// those who wait for the others ask for the <see cref="Failure"/>. Must not block.
    /// </summary>
    event Action? Disturbed;

    /// <summary>Connects them.</summary>
    ITransport Transport { get; }

    ulong Job { get; }

    int Generation { get; }

    /// <summary>Where the memory's files are.</summary>
    string Directory { get; }

    /// <summary>What one of them is called in its generation.</summary>
    int RankOf(int number);

    /// <summary>That of a rank may have ended before this one looked, and is nobody's.</summary>
    ProcessIdentity ProcessOf(int number);

    /// <summary>Why a collective of all ranks cannot go on; null while it can.</summary>
    Exception? Failure();

    /// <summary>What to throw about a rank that cannot be worked with.</summary>
    PeerLostException Lost(int number, string reason);
}
