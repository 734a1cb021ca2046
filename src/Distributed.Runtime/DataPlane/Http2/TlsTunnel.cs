using System.Net.Security;
using System.Net.Sockets;
using Distributed.Runtime.Security;
using Distributed.Runtime.SharedMemory;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// Gives a connection of TLS the shape of a plain socket: what is written to one end of a pair of
/// sockets goes out encrypted, what comes in arrives there. So the data plane polls and gathers as
/// it does without TLS, whose records no poll can see. Costs two threads and two copies for each
/// connection, and nothing where TLS is off.
/// </summary>
internal sealed unsafe class TlsTunnel
{
    private const int BufferBytes = 64 * 1024;
    private const int StackBytes = 1 << 20;
    private const int HandshakeTimeMs = 5_000;

    /// <summary>A peer that takes nothing for so long is given up by then in any case.</summary>
    private const int SendTimeMs = 30_000;

    private const short BothWaysEnded = 0x10;

    private readonly Socket _outer;
    private readonly Socket _inner;
    private int _waysOpen = 2;

    private TlsTunnel(Socket outer, Socket inner) => (_outer, _inner) = (outer, inner);

    /// <summary>
    /// A connection that was dialed, which the tunnel takes over; blocks until the two sides know
    /// each other.
    /// </summary>
    /// <exception cref="TlsException">The server is not who it must be.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal static ByteChannel Connect(
        ByteChannel dialed, TlsIdentity tls, string host, CancellationToken cancellation)
    {
        var outer = dialed.Socket;
        // Whoever waits for the socket then wakes.
        using var breaking = cancellation.Register(dialed.Break);
        try
        {
            var secure = tls.Connect(Prepare(outer), host);
            var (inner, end) = LibC.CreateSocketPair();
            new TlsTunnel(outer, inner).Start(secure);
            return new ByteChannel(end);
        }
        catch (Exception failure)
        {
            dialed.Dispose();
            if (failure is TlsException) cancellation.ThrowIfCancellationRequested();
            throw;
        }
    }

    /// <summary>
    /// A connection that was accepted, which the tunnel takes over. Returns at once; a client that
    /// is not who it must be ends the connection, and has been told why by TLS itself.
    /// </summary>
    internal static ByteChannel Accept(Socket accepted, TlsIdentity tls)
    {
        var (inner, end) = LibC.CreateSocketPair();
        var tunnel = new TlsTunnel(accepted, inner);
        Run("data-plane-tls", () => tunnel.Admit(tls));
        return new ByteChannel(end);
    }

    private static NetworkStream Prepare(Socket outer)
    {
        outer.Blocking = true;
        outer.NoDelay = true;
        (outer.ReceiveTimeout, outer.SendTimeout) = (HandshakeTimeMs, HandshakeTimeMs);
        return new NetworkStream(outer, ownsSocket: true);
    }

    private static void Run(string name, Action work) =>
        new Thread(() => work(), StackBytes) { IsBackground = true, Name = name }.Start();

    private void Admit(TlsIdentity tls)
    {
        try
        {
            Start(tls.Accept(Prepare(_outer)));
        }
        catch (Exception refused) when (refused is IOException or SocketException
            or ObjectDisposedException)
        {
            _outer.Dispose();
            _inner.Dispose();
        }
    }

    private void Start(SslStream secure)
    {
        (_outer.ReceiveTimeout, _outer.SendTimeout) = (0, SendTimeMs);
        Run("data-plane-tls-in", () => Pump(secure, BringIn, SocketShutdown.Send));
        Run("data-plane-tls-out", () => Pump(secure, TakeOut, SocketShutdown.Receive));
    }

    private void Pump(SslStream secure, Action<SslStream, byte[]> way, SocketShutdown over)
    {
        try
        {
            way(secure, new byte[BufferBytes]);
        }
        catch (Exception broken) when (broken is IOException or SocketException
            or ObjectDisposedException or InvalidOperationException)
        {
            // The other end learns of it below, as of any connection that breaks.
            Shut(_outer, SocketShutdown.Both);
        }

        Shut(_inner, over);
        if (Interlocked.Decrement(ref _waysOpen) > 0) return;
        secure.Dispose();
        _inner.Dispose();
    }

    private void BringIn(SslStream secure, byte[] buffer)
    {
        int count;
        while ((count = secure.Read(buffer)) > 0)
        {
            for (var sent = 0; sent < count;)
                sent += _inner.Send(buffer.AsSpan(sent, count - sent));
        }
    }

    private void TakeOut(SslStream secure, byte[] buffer)
    {
        int count;
        while ((count = _inner.Receive(buffer)) > 0)
            secure.Write(buffer.AsSpan(0, count));
        secure.ShutdownAsync().GetAwaiter().GetResult();
        // Who has only ended its way out may still be told something.
        Shut(_outer, IsGone() ? SocketShutdown.Both : SocketShutdown.Send);
    }

    private bool IsGone()
    {
        var entry = new LibC.PollEntry { Descriptor = (int)_inner.SafeHandle.DangerousGetHandle() };
        return LibC.Poll(&entry, 1, 0) > 0 && (entry.Happened & BothWaysEnded) != 0;
    }

    private static void Shut(Socket socket, SocketShutdown ways)
    {
        try
        {
            socket.Shutdown(ways);
        }
        catch (Exception over) when (over is SocketException or ObjectDisposedException)
        {
            // It is broken already.
        }
    }
}
