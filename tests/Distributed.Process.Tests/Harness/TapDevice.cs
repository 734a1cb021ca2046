using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Distributed.Process.Tests;

/// <summary>
/// The far end of a network interface's wire: reads each frame that is sent on the interface and
/// sends others to it. The interface goes when this is disposed of or its process dies.
/// </summary>
internal sealed partial class TapDevice : IDisposable
{
    public const string Control = "/dev/net/tun";

    private const nuint SetInterface = 0x400454ca;
    private const short TapWithoutHeader = 0x0002 | 0x1000;
    private const int NameSize = 16;
    private const int RequestSize = 40;
    private const short Readable = 1;
    private const int PatienceMs = 100;

    private readonly SafeFileHandle _device;

    /// <summary>Creates an interface of that name, of at most 15 characters.</summary>
    public TapDevice(string name)
    {
        _device = File.OpenHandle(
            Control, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var request = new byte[RequestSize];
        Encoding.ASCII.GetBytes(name, request);
        BitConverter.TryWriteBytes(request.AsSpan(NameSize), TapWithoutHeader);
        if (InputOutputControl(_device, SetInterface, request) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"no interface {name}");
    }

    /// <summary>Waits a little for a frame; returns its length, not above 0 where none
    /// came.</summary>
    public int Read(Span<byte> frame)
    {
        var request = new PollRequest
        {
            File = (int)_device.DangerousGetHandle(),
            Events = Readable,
        };
        return Poll(ref request, 1, PatienceMs) > 0 && request.Returned == Readable
            ? (int)Read(_device, frame, (nuint)frame.Length)
            : 0;
    }

    /// <summary>An interface that is down drops the frame, as a wire that leads nowhere.</summary>
    public void Write(ReadOnlySpan<byte> frame) =>
        _ = Write(_device, frame, (nuint)frame.Length);

    public void Dispose() => _device.Dispose();

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int InputOutputControl(
        SafeFileHandle file, nuint request, byte[] argument);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref PollRequest requests, nuint count, int timeoutMs);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(SafeFileHandle file, Span<byte> bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, nuint count);

    private struct PollRequest
    {
        public int File;
        public short Events;
        public short Returned;
    }
}
