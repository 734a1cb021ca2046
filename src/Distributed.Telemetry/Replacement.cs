namespace Distributed.Telemetry;

/// <summary>
/// Puts a new file in the place of another, at once or not at all. Whoever has the old one open
/// still, such as a process that was paused and has been replaced, writes where nobody looks.
/// </summary>
internal static class Replacement
{
    /// <summary>
    /// Returns the new file, open for writing at its end and on the disk; the folder's entry is
    /// not. Its stream still has <paramref name="partial"/>, under which it was written, as its
    /// name.
    /// </summary>
    public static FileStream Open(string path, string partial, Action<FileStream> write)
    {
        // A leftover may be open elsewhere, so it is not written over.
        File.Delete(partial);
        var file = new FileStream(
            partial, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete);
        try
        {
            write(file);
            file.Flush(flushToDisk: true);
            File.Move(partial, path, overwrite: true);
            return file;
        }
        catch
        {
            file.Dispose();
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>
    /// The file as it is, which others may go on writing or replace; null where there is none.
    /// </summary>
    public static FileStream? Source(string path) => File.Exists(path)
        ? new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete)
        : null;
}
