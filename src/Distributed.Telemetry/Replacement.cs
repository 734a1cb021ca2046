namespace Distributed.Telemetry;

/// <summary>
/// Puts a new file in the place of another, at once or not at all. Whoever has the old one open
/// still, such as a process that was paused and has been replaced, writes where nobody looks.
/// </summary>
internal static class Replacement
{
    private const string Suffix = ".partial";

    /// <summary>
    /// Returns the new file, open for writing at its end and on the disk; the folder's entry is
    /// not. Its stream still has the name under which it was written: <paramref name="prefix"/> and
    /// something that no other writer has, who may be at the same.
    /// </summary>
    public static FileStream Open(string path, string prefix, Action<FileStream> write)
    {
        var partial = $"{prefix}.{Guid.NewGuid():N}{Suffix}";
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

    /// <summary>Deletes what writers have left in a folder that died.</summary>
    public static void SweepStale(string folder)
    {
        foreach (var path in Directory.GetFiles(folder, "*" + Suffix))
        {
            File.Delete(path);
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
