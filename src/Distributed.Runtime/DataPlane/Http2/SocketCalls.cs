using System.Runtime.InteropServices;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>One piece of memory of a scattered or gathered transfer: struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MemoryPiece
{
    internal byte* Start;
    internal nuint Length;
}

/// <summary>
/// Transfers between a socket and several pieces of memory at once, unmanaged memory included:
/// what the class library offers takes arrays only, and allocates.
/// </summary>
internal static unsafe partial class SocketCalls
{
    internal const int Again = 11;
    internal const int Interrupted = 4;

    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;

    /// <summary>The number of bytes, or -1 and the error.</summary>
    internal static nint Send(int socket, MemoryPiece* pieces, int count, out int error)
    {
        var message = new Message { Pieces = pieces, PieceCount = (nuint)count };
        nint sent;
        do
        {
            sent = SendMessage(socket, &message, DontWait | NoSignal);
            error = sent < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        while (error == Interrupted);
        return sent;
    }

    /// <summary>The number of bytes, 0 at the end of the stream, or -1 and the error.</summary>
    internal static nint Receive(int socket, MemoryPiece* pieces, int count, out int error)
    {
        var message = new Message { Pieces = pieces, PieceCount = (nuint)count };
        nint received;
        do
        {
            received = ReceiveMessage(socket, &message, DontWait);
            error = received < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        while (error == Interrupted);
        return received;
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(int socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(int socket, Message* message, int flags);

    /// <summary>struct msghdr of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        internal nint Name;
        internal nint NameLength;
        internal MemoryPiece* Pieces;
        internal nuint PieceCount;
        internal nint Control;
        internal nint ControlLength;
        internal nint Flags;
    }
}
