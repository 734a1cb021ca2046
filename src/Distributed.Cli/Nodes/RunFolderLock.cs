using Distributed.Kernel;

namespace Distributed.Cli.Nodes;

/// <summary>Keeps a second command out of a run folder while this one works in it.</summary>
internal sealed class RunFolderLock : IDisposable
{
    private const string FileName = ".lock";

    private readonly FileStream _file;

    private RunFolderLock(FileStream file) => _file = file;

    /// <summary>Creates the folder if needed and takes it until disposed.</summary>
    /// <exception cref="OperatingException">It cannot be written, or another run has
    /// it.</exception>
    public static RunFolderLock Take(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(folder, failure);
        }

        try
        {
            return new RunFolderLock(new FileStream(
                Path.Combine(folder, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite,
                FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose));
        }
        catch (UnauthorizedAccessException failure)
        {
            throw Unwritable(folder, failure);
        }
        catch (IOException failure)
        {
            throw new OperatingException(
                $"run folder {folder} cannot be taken ({failure.Message}): expected no other run "
                + "in it; wait for that to end, or give another --out", inner: failure);
        }
    }

    public void Dispose() => _file.Dispose();

    /// <summary>What is said of a folder that cannot be written.</summary>
    public static OperatingException Unwritable(string folder, Exception failure) => new(
        $"run folder {folder} cannot be written ({failure.Message}): expected a folder of yours; "
        + "give another --out, or change its permissions", inner: failure);
}
