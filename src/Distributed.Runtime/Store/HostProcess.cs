using System.Globalization;

namespace Distributed.Runtime.Store;

/// <summary>What this host's kernel knows of a process, by Linux's proc(5).</summary>
internal static class HostProcess
{
    private const string Root = "/proc";
    private const int StateField = 3;
    private const int StartTimeField = 22;

    /// <summary>
    /// When the process started, in clock ticks since boot: with its number it tells the process
    /// from a later one of the same number. Null where that cannot be learned.
    /// </summary>
    public static long? StartTicks(int processId) => Read(processId)?.StartTicks;

    /// <summary>Whether the process has ended. False where that cannot be learned.</summary>
    /// <param name="processId">The process's number on this host.</param>
    /// <param name="startTicks">As <see cref="StartTicks"/> was while it lived.</param>
    public static bool IsGone(int processId, long? startTicks)
    {
        if (!Directory.Exists($"{Root}/self"))
            return false;
        if (!Directory.Exists($"{Root}/{processId}"))
            return true;
        if (Read(processId) is not { } process)
            return false;
        // A process that was killed stays a zombie until its parent asks how it ended.
        bool hasEnded = process.State is 'Z' or 'X';
        return hasEnded || (startTicks is { } known && known != process.StartTicks);
    }

    private static (char State, long StartTicks)? Read(int processId)
    {
        string text;
        try
        {
            text = File.ReadAllText($"{Root}/{processId}/stat");
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        // The second field is the program's name in parentheses, which may hold anything.
        string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (
            fields[0][0],
            long.Parse(fields[StartTimeField - StateField], CultureInfo.InvariantCulture));
    }
}
