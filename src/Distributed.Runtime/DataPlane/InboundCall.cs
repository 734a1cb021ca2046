using System.Runtime.ExceptionServices;
using Distributed.Runtime.DataPlane.Http2;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// A call whose connection is lent to a transport: the connection's own thread waits here until it
/// gets it back.
/// </summary>
internal sealed class InboundCall(ServerCall call) : IDisposable
{
    private readonly SemaphoreSlim _released = new(0);
    private IOException? _broken;

    internal ServerCall Call => call;

    /// <param name="broken">How the connection ended, if it did.</param>
    internal void Release(IOException? broken)
    {
        _broken = broken;
        _released.Release();
    }

    /// <exception cref="IOException">The connection is no more.</exception>
    internal void WaitUntilReleased()
    {
        _released.Wait();
        if (_broken is not null) ExceptionDispatchInfo.Throw(_broken);
    }

    public void Dispose() => _released.Dispose();
}
