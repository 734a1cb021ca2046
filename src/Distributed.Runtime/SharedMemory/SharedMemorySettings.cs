using System.Numerics;

namespace Distributed.Runtime.SharedMemory;

/// <param name="Directory">Where the files are; on a file system in memory.</param>
/// <param name="RingBytesMax">Of each ordered pair of ranks; a power of two.</param>
/// <param name="OpenTimeout">How long a call waits for a peer to come.</param>
/// <param name="UsesProcessHandles">
/// Whether the kernel is asked to tell at once when a process ends, if it can.
/// </param>
internal sealed record SharedMemorySettings(
    string Directory, int RingBytesMax, TimeSpan OpenTimeout, bool UsesProcessHandles = true)
{
    /// <summary>
    /// All rings of a job together: half of what a container has in /dev/shm by default.
    /// </summary>
    private const int JobBytesMax = 32 * 1024 * 1024;

    /// <summary>The bytes of each ring when so many ranks are connected.</summary>
    internal int RingBytes(int ranks)
    {
        var pairs = Math.Max(1, ranks * (ranks - 1));
        return Math.Min(RingBytesMax, 1 << BitOperations.Log2((uint)(JobBytesMax / pairs)));
    }
}
