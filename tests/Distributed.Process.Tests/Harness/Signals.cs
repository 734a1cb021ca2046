using System.Globalization;
using System.Runtime.InteropServices;

namespace Distributed.Process.Tests;

/// <summary>Signals to processes by number, and who of them is alive, as Linux tells it.</summary>
internal static partial class Signals
{
    public const int Interrupt = 2;
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    private const nint DefaultAction = 0;

    /// <summary>
    /// A shell that runs its jobs in the background has them ignore Ctrl-C, and they hand that on
    /// to what they start. The commands under test are to be as in a terminal.
    /// </summary>
    public static void RestoreInterrupt()
    {
        string status = File.ReadLines("/proc/self/status").First(
            line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
        ulong ignored = ulong.Parse(
            status.Split('\t')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        if ((ignored >> (Interrupt - 1) & 1) != 0)
            _ = SetAction(Interrupt, DefaultAction);
    }

    public static void Send(int processId, int signal) => Assert.True(
        SendSignal(processId, signal) == 0, $"process {processId} takes signal {signal}");

    /// <summary>A process that has ended but was not waited for yet counts as gone.</summary>
    public static bool IsAlive(int processId) => Stat(processId) is { State: not ('Z' or 'X') };

    /// <summary>The processes that this one started and that are alive.</summary>
    public static IReadOnlyList<int> ChildrenOf(int processId) =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Select(Path.GetFileName)
            .Where(name => name!.All(char.IsAsciiDigit))
            .Select(name => int.Parse(name!, CultureInfo.InvariantCulture))
            .Where(candidate => IsAlive(candidate) && Stat(candidate)?.Parent == processId),
    ];

    /// <summary>The words that a process was started with; none where it has ended.</summary>
    public static IReadOnlyList<string> CommandLine(int processId)
    {
        try
        {
            return File.ReadAllText($"/proc/{processId}/cmdline").Split('\0');
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static (char State, int Parent)? Stat(int processId)
    {
        try
        {
            // The name of the program stands in parentheses and may hold any character.
            string text = File.ReadAllText($"/proc/{processId}/stat");
            string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetAction(int signal, nint action);
}
