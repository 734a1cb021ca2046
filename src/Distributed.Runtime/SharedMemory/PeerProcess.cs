using Microsoft.Win32.SafeHandles;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// The process of a peer, watched for its end. A process that is stopped is alive.
/// </summary>
internal sealed class PeerProcess : IDisposable
{
    private readonly SafeFileHandle? _handle;
    internal PeerProcess(int id, bool usesHandle)
    {
        Id = id;
        // The handle first: from then on the number cannot go to another process unnoticed.
        _handle = usesHandle ? LibC.OpenProcess(id) : null;
        Identity = ProcessIdentity.Find(id);
    }

    internal int Id { get; }

    /// <summary>Null when it had ended before.</summary>
    internal ProcessIdentity? Identity { get; }

    internal bool HasEnded => Identity is not { IsAlive: true };

    internal string Ending =>
        Identity is null ? "no process has this number" : "its process has ended";

    /// <summary>True where <see cref="Entry"/> does not tell, so that one has to look.</summary>
    internal bool NeedsLooks => _handle is null;

    /// <summary>Makes poll return once the process has ended, where the kernel can.</summary>
    internal LibC.PollEntry Entry => new()
    {
        Descriptor = (int)(_handle?.DangerousGetHandle() ?? -1),
        Wanted = LibC.Readable,
    };

    public void Dispose() => _handle?.Dispose();
}
