using System.Security.Cryptography;
using Distributed.Kernel;

namespace Distributed.Torch.Building;

/// <summary>
/// The engines that were built, one for each libtorch and state of the source, so that going back
/// to one costs nothing. Processes may share the folder: one builds, the others wait for it.
/// </summary>
/// <param name="folder">Made when something is kept.</param>
internal sealed class EngineCache(string folder)
{
    public const string FileName = "libdistributed_torch.so";

    // Beside the library: what a file that was damaged since does not match.
    private const string SumFile = "sha256";
    private const int KeptPerLibtorch = 4;

    private static readonly TimeSpan s_retryDelay = TimeSpan.FromMilliseconds(100);

    /// <summary>The kept library of a key; null where there is none, or none that is
    /// whole.</summary>
    public string? Find(EngineKey key)
    {
        var library = Path.Combine(folder, $"{key}", FileName);
        try
        {
            var sum = File.ReadAllText(Path.Combine(folder, $"{key}", SumFile));
            return sum == SumOf(library) ? library : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The kept library of a key, built before where there is none.</summary>
    /// <param name="key">What it is built from.</param>
    /// <param name="build">Builds in a folder that earlier builds for the same libtorch used, and
    /// returns the library's path; called at most once, and by one process at a time.</param>
    /// <param name="waiting">Told when another process is waited for.</param>
    /// <exception cref="OperatingException">The folder cannot be written, or
    /// <paramref name="build"/> says so.</exception>
    public string FindOrBuild(EngineKey key, Func<string, string> build, Action waiting)
    {
        if (Find(key) is { } kept)
            return kept;
        try
        {
            Directory.CreateDirectory(folder);
            using var gate = Enter(Path.Combine(folder, $"{key.Libtorch}.lock"), waiting);
            if (Find(key) is { } built)
                return built;
            var work = Path.Combine(folder, $"{key.Libtorch}.work");
            Directory.CreateDirectory(work);
            Keep(key, build(work));
            DropOld(key);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"the engine cannot be kept in {folder} ({failure.Message}): expected a folder "
                + "that can be written; free some space or mend its permissions", inner: failure);
        }

        return Find(key) ?? throw new OperatingException(
            $"the engine in {folder}/{key} is damaged as soon as it is written: expected a disk "
            + "that keeps what it is given");
    }

    /// <summary>In place by one rename: nobody sees half of it.</summary>
    private void Keep(EngineKey key, string library)
    {
        var fresh = Path.Combine(folder, $"{key}.fresh");
        var place = Path.Combine(folder, $"{key}");
        Remove(fresh);
        Directory.CreateDirectory(fresh);
        File.Copy(library, Path.Combine(fresh, FileName));
        File.WriteAllText(Path.Combine(fresh, SumFile), SumOf(library));
        Remove(place);
        Directory.Move(fresh, place);
    }

    /// <summary>Every change of the source leaves one: the newest few stay.</summary>
    private void DropOld(EngineKey key)
    {
        foreach (var old in new DirectoryInfo(folder).EnumerateDirectories($"{key.Libtorch}-*")
            .Where(entry => entry.Name != $"{key}")
            .OrderByDescending(entry => entry.LastWriteTimeUtc)
            .Skip(KeptPerLibtorch - 1))
            Remove(old.FullName);
    }

    /// <summary>The lock goes with the process that holds it, however it ends.</summary>
    private static FileStream Enter(string file, Action waiting)
    {
        var isTold = false;
        while (true)
        {
            try
            {
                return new FileStream(
                    file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException failure) when (IsHeld(failure))
            {
                if (!isTold)
                    waiting();
                isTold = true;
                Thread.Sleep(s_retryDelay);
            }
        }
    }

    // .NET gives EWOULDBLOCK of flock as it is.
    private static bool IsHeld(IOException failure) =>
        failure.GetType() == typeof(IOException) && failure.HResult == 11;

    private static void Remove(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        else
            File.Delete(path);
    }

    private static string SumOf(string file) =>
        Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)));
}
