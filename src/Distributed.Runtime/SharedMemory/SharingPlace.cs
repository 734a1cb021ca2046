namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// Which processes can share memory: those of one boot of one kernel that see each other's process
/// numbers and the same folder. Names of hosts do not tell that.
/// </summary>
internal static class SharingPlace
{
    /// <summary>The number of this process's namespace of process numbers.</summary>
    internal static string? ProcessNamespace =>
        new FileInfo("/proc/self/ns/pid").LinkTarget is { } target
            ? string.Concat(target.Where(char.IsAsciiDigit))
            : null;

    /// <summary>Null where this process can share none.</summary>
    internal static string? Of(string directory)
    {
        const string BootPath = "/proc/sys/kernel/random/boot_id";
        if (!Directory.Exists(directory) || !File.Exists(BootPath)) return null;
        var boot = File.ReadAllText(BootPath).Trim();
        return ProcessNamespace is { } names && MountOf(directory) is { } mount
            ? $"{boot}/{names}/{mount}"
            : null;
    }

    /// <summary>The device and its folder that are mounted where the directory is.</summary>
    private static string? MountOf(string directory)
    {
        string? found = null;
        var longest = 0;
        foreach (var line in File.ReadLines("/proc/self/mountinfo"))
        {
            var fields = line.Split(' ');
            var (device, root, point) = (fields[2], fields[3], fields[4].TrimEnd('/') + "/");
            // Of two mounts at one point the later hides the earlier.
            var holds = $"{directory}/".StartsWith(point, StringComparison.Ordinal);
            if (holds && point.Length >= longest)
                (found, longest) = ($"{device}{root}", point.Length);
        }

        return found;
    }
}
