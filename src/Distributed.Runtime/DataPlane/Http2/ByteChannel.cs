using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Distributed.Runtime.SharedMemory;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// A connected socket whose transfers never wait: they move what there is, or room for, at once.
/// Used by one thread at a time, but for what says otherwise.
/// </summary>
internal sealed unsafe class ByteChannel : IDisposable
{
    internal const int WouldWait = -1;

    internal const short Readable = 1;
    internal const short Writable = 4;
    internal const short HungUp = 0x2000;

    private const int ProtocolLevelTcp = 6;
    private const int CongestionOption = 13;
    private const int LoopbackBufferBytes = 1 << 20;

    private readonly Socket _socket;

    internal ByteChannel(Socket connected)
    {
        if (connected.AddressFamily != AddressFamily.Unix) connected.NoDelay = true;
        _socket = connected;
        Descriptor = (int)connected.SafeHandle.DangerousGetHandle();
    }

    internal int Descriptor { get; }

    /// <summary>The connection itself, for one who takes it over from this channel.</summary>
    internal Socket Socket => _socket;

    /// <summary>
    /// Within one machine nothing is ever congested, and the pacing of BBR, the default of some
    /// systems, costs a third of the time; and what waits in a large buffer falls out of the
    /// processor's caches, which costs a tenth. Does nothing between machines.
    /// </summary>
    internal void TuneWithinOneMachine(IPAddress place)
    {
        if (!IPAddress.IsLoopback(place)) return;
        _socket.SendBufferSize = LoopbackBufferBytes;
        try
        {
            _socket.SetRawSocketOption(ProtocolLevelTcp, CongestionOption, "reno"u8);
        }
        catch (SocketException)
        {
            // This system has no other.
        }
    }

    /// <summary>
    /// Fills the first span, then the second; returns the bytes of both together,
    /// <see cref="WouldWait"/>, or 0 when the other side has ended the connection.
    /// </summary>
    /// <exception cref="IOException">The connection broke.</exception>
    internal int Receive(Span<byte> first, Span<byte> second)
    {
        fixed (byte* firstStart = first, secondStart = second)
        {
            var pieces = stackalloc MemoryPiece[2];
            pieces[0] = new MemoryPiece { Start = firstStart, Length = (nuint)first.Length };
            pieces[1] = new MemoryPiece { Start = secondStart, Length = (nuint)second.Length };
            var received = SocketCalls.Receive(
                Descriptor, pieces, second.IsEmpty ? 1 : 2, out var error);
            return Checked(received, error);
        }
    }

    /// <summary>The number of bytes sent, or <see cref="WouldWait"/>.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    internal int Send(MemoryPiece* pieces, int count) =>
        Checked(SocketCalls.Send(Descriptor, pieces, count, out var error), error);

    /// <summary>Waits for one of the events; false when the time is over.</summary>
    internal bool Wait(short events, TimeSpan time)
    {
        var entry = new LibC.PollEntry { Descriptor = Descriptor, Wanted = events };
        return LibC.Poll(&entry, 1, (int)time.TotalMilliseconds) != 0;
    }

    /// <summary>
    /// Ends the way in: whoever waits for the socket wakes and finds it ended. For any thread.
    /// </summary>
    internal void StopReceiving() => Shutdown(SocketShutdown.Receive);

    /// <summary>Ends both ways at once. For any thread.</summary>
    internal void Break() => Shutdown(SocketShutdown.Both);

    /// <summary>
    /// Ends the way out, then passes over what still arrives until the other side ends too: to
    /// close while bytes are unread would throw away what was sent last.
    /// </summary>
    internal void Linger(TimeSpan time)
    {
        Shutdown(SocketShutdown.Send);
        var deadlineMs = Environment.TickCount64 + (long)time.TotalMilliseconds;
        Span<byte> ignored = stackalloc byte[4096];
        try
        {
            while (Environment.TickCount64 < deadlineMs)
            {
                if (Wait(Readable, TimeSpan.FromMilliseconds(
                        Math.Max(0, deadlineMs - Environment.TickCount64)))
                    && Receive(ignored, default) == 0)
                {
                    return;
                }
            }
        }
        catch (IOException)
        {
            // The other side did not wait either.
        }
    }

    /// <summary>Forgets what is not sent yet, so that the other side notices at once.</summary>
    internal void Abort()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        Dispose();
    }

    public void Dispose() => _socket.Dispose();

    private void Shutdown(SocketShutdown ways)
    {
        try
        {
            _socket.Shutdown(ways);
        }
        catch (Exception over) when (over is SocketException or ObjectDisposedException)
        {
            // It is broken already.
        }
    }

    private static int Checked(nint count, int error)
    {
        if (count >= 0) return checked((int)count);
        if (error == SocketCalls.Again) return WouldWait;
        throw new IOException(
            $"its connection broke ({Marshal.GetPInvokeErrorMessage(error)})");
    }
}
