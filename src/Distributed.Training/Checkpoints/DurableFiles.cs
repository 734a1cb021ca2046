using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Distributed.Training.Checkpoints;

/// <summary>
/// The writes of a checkpoint, as a seam: tests put a disk behind it that is full or dies.
/// </summary>
internal interface IDurableFiles
{
    /// <summary>A new file; nothing may be there yet.</summary>
    Stream Create(string path);

    /// <summary>Returns once the file's bytes are on the disk.</summary>
    void Flush(Stream file);

    /// <summary>Returns once the folder's entries are on the disk.</summary>
    void FlushFolder(string path);

    void MoveFolder(string source, string target);
}

/// <summary>The writes of a checkpoint on the machine's own disk.</summary>
internal sealed partial class DurableFiles : IDurableFiles
{
    private const int BufferBytes = 1 << 17;

    public Stream Create(string path) =>
        new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes);

    public void Flush(Stream file) => ((FileStream)file).Flush(flushToDisk: true);

    public void FlushFolder(string path)
    {
        // Windows has no such call; its rename is durable once it returns.
        if (OperatingSystem.IsWindows())
            return;
        var descriptor = Open(path, flags: 0);
        if (descriptor < 0)
            throw Failed("open", path);
        try
        {
            // Some network file systems cannot sync a folder, and say so with EINVAL.
            if (Sync(descriptor) != 0 && Marshal.GetLastPInvokeError() != InvalidArgument)
                throw Failed("fsync", path);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    public void MoveFolder(string source, string target) => Directory.Move(source, target);

    private const int InvalidArgument = 22;

    private static IOException Failed(string call, string path)
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException($"{call} {path}: {new Win32Exception(error).Message}", error);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true,
        StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
