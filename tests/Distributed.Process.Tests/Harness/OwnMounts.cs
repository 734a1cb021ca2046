namespace Distributed.Process.Tests;

/// <summary>How a test gets a disk of its own, which only its commands can see.</summary>
internal static class OwnMounts
{
    /// <summary>
    /// The flags with which unshare gives this user a view of the mounts that is its own; null
    /// where it cannot.
    /// </summary>
    public static string[]? Flags(Workplace workplace) =>
        new string[][] { ["-m"], ["-r", "-m"] }.FirstOrDefault(flags =>
        {
            using CommandRun probe = CommandRun.Start(
                workplace, [.. flags, "mount", "-t", "tmpfs", "none", workplace.DatasetFolder],
                "unshare");
            return probe.Finish().ExitCode == 0;
        });
}
