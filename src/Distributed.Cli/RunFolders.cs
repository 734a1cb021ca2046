using System.Globalization;
using Distributed.Kernel;
using Distributed.Training.Specification;

namespace Distributed.Cli;

/// <summary>Finds run folders; a folder is one when it holds a run spec.</summary>
internal static class RunFolders
{
    public const string Root = "runs";

    /// <summary>The run under runs/ that was written to last.</summary>
    public static string Newest()
    {
        string? newest = Directory.Exists(Root)
            ? Directory.EnumerateDirectories(Root)
                .Where(folder => File.Exists(Path.Combine(folder, RunRecord.FileName)))
                .MaxBy(Directory.GetLastWriteTimeUtc)
            : null;
        return newest ?? throw new OperatingException(
            $"no run under {Root}/ to go on with: expected one; name its folder with --out DIR");
    }

    /// <summary>A folder for a new run, `runs/date-time-name`, which does not exist yet.</summary>
    public static string NewFolder(string name) => Unused(Root, $"{Stamp()}-{name}");

    /// <summary>The time as it is in names of folders.</summary>
    public static string Stamp() => TimeProvider.System.GetLocalNow()
        .ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture);

    /// <summary>A folder of that name, or with a number behind it where there is one
    /// already.</summary>
    public static string Unused(string root, string name)
    {
        string folder = Path.Combine(root, name);
        // Two may start in one second.
        for (int number = 2; Path.Exists(folder); number++)
            folder = Path.Combine(root, $"{name}-{number}");
        return folder;
    }

    /// <summary>Keeps a new run out of a folder that holds anything.</summary>
    public static void RefuseExisting(string folder)
    {
        if (File.Exists(folder))
        {
            throw new OperatingException(
                $"run folder {folder} is a file: expected a new folder; give another --out");
        }
        if (!Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any())
            return;
        throw new OperatingException(
            File.Exists(Path.Combine(folder, RunRecord.FileName))
                ? $"run folder {folder} holds a run: expected a new folder; go on with it by "
                    + "--resume, or give another --out"
                : $"run folder {folder} is not empty: expected a new folder; give another --out");
    }

    /// <summary>The path from the working folder where that is below it, else as it is.</summary>
    public static string Short(string path)
    {
        // Nodes send what they like; what cannot be a path is shown as it came.
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal))
            return path;
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        bool isBelow = !Path.IsPathRooted(relative)
            && relative != ".."
            && !relative.StartsWith("../", StringComparison.Ordinal);
        return isBelow ? relative : path;
    }

    /// <summary>
    /// The run folder that <paramref name="run"/> names: a path, or a name under runs/.
    /// </summary>
    public static string Find(string run)
    {
        string below = Path.Combine(Root, run);
        foreach (string folder in new[] { run, below })
        {
            if (File.Exists(Path.Combine(folder, RunRecord.FileName)))
                return folder;
        }
        if (Directory.Exists(run) || Directory.Exists(below))
        {
            throw new OperatingException(
                $"run '{run}' has no {RunRecord.FileName}: expected a run folder that train wrote");
        }
        IEnumerable<string> known = Directory.Exists(Root)
            ? Directory.EnumerateDirectories(Root).Select(folder => Path.GetFileName(folder)!)
            : [];
        throw new OperatingException(
            $"no run '{run}': expected a run folder, such as {Root}/NAME"
            + (Nearest.Of(Path.GetFileName(run), known) is { } near
                ? $"; did you mean '{Path.Combine(Root, near)}'?"
                : ""));
    }
}
