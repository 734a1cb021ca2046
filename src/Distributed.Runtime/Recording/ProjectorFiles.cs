using System.Text;
using Distributed.Kernel;
using Distributed.Telemetry;
using Distributed.Training.Checkpoints;

namespace Distributed.Runtime.Recording;

/// <summary>
/// The files of TensorBoard's projector in a run's folder. Each is there whole or not at all.
/// </summary>
internal static class ProjectorFiles
{
    public const int BytesMax = 1 << 26, FilesMax = 64;

    private const int ConfigBytesMax = 1 << 16;

    /// <summary>Returns what is wrong with the file, null where it is in its place.</summary>
    /// <param name="folder">The run's.</param>
    /// <param name="name">As the worker calls it.</param>
    /// <param name="content">All of it.</param>
    /// <exception cref="IOException">The disk does not take it.</exception>
    public static string? Put(string folder, string name, ReadOnlyMemory<byte> content)
    {
        if (!ProjectorConfig.IsFileName(name))
            return "a projector file without a plain name";
        string files = Path.Combine(folder, ProjectorConfig.Folder);
        if (name == ProjectorConfig.FileName)
            return PutConfig(folder, files, content);
        if (content.Length > BytesMax)
            return $"the projector file {name} of {content.Length} bytes, {BytesMax} at most";
        Directory.CreateDirectory(files);
        string path = Path.Combine(files, name);
        if (!File.Exists(path) && Directory.EnumerateFiles(files).Count() >= FilesMax)
            return $"the projector file {name}, one more than {FilesMax}";
        Replace(path, content.Span);
        return null;
    }

    private static string? PutConfig(string folder, string files, ReadOnlyMemory<byte> content)
    {
        if (content.Length > ConfigBytesMax
            || ProjectorConfig.TryParse(Encoding.UTF8.GetString(content.Span)) is not { } sent)
            return "a projector config that is not as this program writes it";
        bool Exists(string name) => name.Length > 0 && File.Exists(Path.Combine(files, name));
        // A file that has been dropped on the way must not take the whole projector with it.
        var found = new ProjectorConfig(
        [
            .. sent.Embeddings.Where(embedding => Exists(embedding.TensorFile)).Select(
                embedding => embedding with
                {
                    MetadataFile =
                        Exists(embedding.MetadataFile) ? embedding.MetadataFile : "",
                    SpriteFile = Exists(embedding.SpriteFile) ? embedding.SpriteFile : "",
                }),
        ]);
        if (found.Embeddings.Count == 0)
            return "a projector config without any of its files";
        Replace(
            Path.Combine(folder, ProjectorConfig.FileName), Encoding.UTF8.GetBytes(found.ToText()));
        return null;
    }

    /// <summary>Writes beside it, flushes and renames, as checkpoints are.</summary>
    private static void Replace(string path, ReadOnlySpan<byte> content)
    {
        string partial = $"{path}.{Guid.NewGuid():N}.partial";
        try
        {
            using (var file = new FileStream(partial, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }
}
