namespace Distributed.Runtime;

/// <summary>
/// Names the machine as this process sees it: two processes with the same name here see each
/// other's process numbers and shared memory. Containers of one kernel have names of their own.
/// </summary>
internal static class HostIdentity
{
    private const string BootIdFile = "/proc/sys/kernel/random/boot_id";

    public static string Current { get; } = Read();

    private static string Read()
    {
        string bootId = File.Exists(BootIdFile) ? File.ReadAllText(BootIdFile).Trim() : "";
        return $"{Environment.MachineName}/{bootId}";
    }
}
